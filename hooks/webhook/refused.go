package webhook

// maxRefusal is the longest text of a RefusedError's cause, in bytes.
const maxRefusal = 300

// RefusedError says why a webhook is not believed. Its text is for the server's
// own log; a caller who learns it learns how to get further.
type RefusedError struct {
	Cause error
}

// Error is one printable line without secrets, but with names that a stranger
// may have sent.
func (e *RefusedError) Error() string {
	return "refusing a webhook: " + clip(oneLine(e.Cause.Error()), maxRefusal)
}

// Unwrap returns the cause, which for a body that did not arrive is the error of
// its reader.
func (e *RefusedError) Unwrap() error { return e.Cause }
