"""What messages say: message files, the templates in them, and how they are rendered."""

from adapters.content.messages import Messages
from adapters.content.reader import MessageError, MessageErrors

__all__ = ["MessageError", "MessageErrors", "Messages"]
