"""What can go wrong in a request; each class knows the HTTP status that Ollama gives it."""


class OllamaError(Exception):
    """The request could not be answered."""

    status = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class BadRequestError(OllamaError):
    """The request is not valid."""

    status = 400


class ForbiddenError(OllamaError):
    """This origin may not use the server."""

    status = 403


class ModelNotFoundError(OllamaError):
    """The model is not served here."""

    status = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"model '{name}' not found")


class BusyError(OllamaError):
    """server busy, please try again.  maximum pending requests exceeded"""

    status = 503


class StoppingError(OllamaError):
    """the server is stopping"""

    status = 503


class ClientGoneError(OllamaError):
    """request canceled"""

    status = 499
