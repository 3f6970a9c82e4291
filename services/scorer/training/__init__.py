"""Making the weights of the scorer: `python -m services.scorer.training DATA_FOLDER`.

Needs the extra `training` (scikit-learn); the service itself does not.
"""
