"""Tables of models."""

from databank.tables import Column, TableSpec

TRAINING = TableSpec(
    name="models.training",
    grain="one row per training of a model, refused ones included",
    owner="train_model",
    key=("model", "version"),
    columns=(
        Column("model", "string", "model name"),
        Column("version", "bigint", "version in the registry"),
        Column("run_id", "string", "run of databank"),
        Column("tracking_run", "string", "run in the tracking server"),
        Column("trained_day", "date", "run day: the last day of the labels"),
        Column("as_of", "date", "day by which features were cut"),
        Column("outcome", "string", "champion | refused | rolled back"),
        Column("reason", "string", "why it was refused or rolled back, else null"),
        Column("algorithm", "string", "algorithm of conf/models"),
        Column("persons", "bigint", "persons with features on as_of"),
        Column("positives", "bigint", "of these, persons with label 1"),
        Column("holdout", "bigint", "persons held out, on whom the figures are measured"),
        Column("auc", "double", "area under the ROC curve, of score"),
        Column("pr_auc", "double", "average precision, of score"),
        Column("brier", "double", "mean squared error of calibrated"),
        Column("brier_raw", "double", "mean squared error of score"),
        Column("ece", "double", "expected calibration error of calibrated, 10 equal bins"),
        Column("base_rate", "double", "share of label 1 among the held out"),
        Column("champion_auc", "double", "auc of the former champion on the same persons, or null"),
    ),
)

LIFT = TableSpec(
    name="models.lift",
    grain="one row per trained version and decile of score among the persons held out",
    owner="train_model",
    key=("model", "version", "sample", "decile"),
    columns=(
        Column("model", "string", "model name"),
        Column("version", "bigint", "version in the registry"),
        Column("sample", "string", "holdout"),
        Column("decile", "int", "1 = highest scores; persons of equal scores stay together"),
        Column("n", "bigint", "persons"),
        Column("positives", "bigint", "persons with label 1"),
        Column("rate", "double", "positives / n"),
        Column("lift", "double", "rate / rate of all"),
        Column("gain", "double", "share of all positives in this and the higher deciles"),
    ),
)

SCORE = TableSpec(
    name="models.score",
    grain="one row per model and person of its population, latest",
    owner="score_model",
    key=("model", "entity_id"),
    cluster_by=("model",),
    columns=(
        Column("model", "string", "model name"),
        Column("version", "bigint", "version of the champion that scored"),
        Column("as_of", "date", "day by which features were cut"),
        Column("entity_id", "bigint", "person"),
        Column("score", "double", "probability as the algorithm gives it; ranks persons"),
        Column("calibrated", "double", "probability after calibration; for sums and thresholds"),
        Column("decile", "int", "1 = highest tenth of the model's population"),
    ),
)
