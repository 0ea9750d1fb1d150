"""What a command says when the user can mend it: cause, place, nearest fix; never a traceback."""


class UserError(Exception):
    """Wrong input, or a cell that cannot start. `exit_code` 2 unless said otherwise."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
