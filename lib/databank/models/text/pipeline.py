"""The pipeline of text models: n-grams of characters, logistic regression, calibration."""

from typing import Any

from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import HashingTF, SQLTransformer
from pyspark.sql import DataFrame

from databank.models.pipeline import with_calibration
from databank.models.text.config import TextModelConfig

_LONGEST = 4
# ^ and $ stand for the ends; what a piece would have beyond the end it has not, so that shorter
# pieces come several times: it counts only whether there is one
_GRAMS = f"""
    SELECT *, flatten(transform(sequence(1, {_LONGEST}), n ->
        transform(sequence(1, length(text) + 2), at ->
            substring(concat('^', lower(text), '$'), at, n)))) AS grams
    FROM __THIS__
"""
# hashed: a list of all pieces would hold whole names, and go to the tracking server
_BUCKETS = 1 << 16


def fit_text_pipeline(frame: DataFrame, config: TextModelConfig) -> PipelineModel:
    """Fit on part train, calibrate on part calibrate; part holdout is not looked at.

    Logistic regression on pieces of one to four characters; bags of character n-grams are what
    linear models of names are made of (Hu et al. 2021, What's in a name? Gender classification
    of names with character based machine learning models, Data Min. Knowl. Disc. 35).

    Args:
        frame: text, label, part.
        config: The model.

    Returns:
        A model whose input is `text` and whose `transform` adds `probability` and `calibrated`.
    """
    stages: list[Transformer | Estimator[Any]] = [
        SQLTransformer(statement=_GRAMS),
        HashingTF(inputCol="grams", outputCol="features", numFeatures=_BUCKETS, binary=True),
        LogisticRegression(
            featuresCol="features",
            labelCol="label",
            regParam=config.regularisation,
            maxIter=100,
            standardization=False,  # a rare piece would weigh as much as a common one
            rawPredictionCol="raw_prediction",
        ),
    ]
    fitted = Pipeline(stages=stages).fit(frame.where("part = 'train'").select("text", "label"))
    return with_calibration(fitted, frame.where("part = 'calibrate'").select("text", "label"))
