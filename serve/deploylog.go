package serve

import (
	"fmt"
	"net/http"
)

// deployLog answers with what a deploy has printed, and with ?follow=1 also
// with what it prints until its end.
func (e *exchange) deployLog() error {
	query, err := e.query("follow")
	if err != nil {
		return err
	}
	app := e.r.PathValue("app")
	token, err := e.authorize(app, ActRead)
	if err != nil {
		return err
	}
	follow, err := flag(query, "follow")
	if err != nil {
		return err
	}
	words := []string{"log", app, e.r.PathValue("deploy")}
	if follow {
		words = append(words, "-f")
	}
	out, talk := e.textStream(), &tail{size: 4 << 10}
	status, err := e.server.verb(token.Name, "http", words...).run(client{out: out, errout: talk}, e.r.Context().Done())
	if err != nil {
		return err
	}
	e.entry.Int("exit", status)
	if status != 0 && !out.begun() {
		return exited("log", status, talk.String())
	}
	out.endWith(status)
	return nil
}

// exited says that a verb failed, as the verb said it itself.
func exited(verb string, status int, talk string) *RefusedError {
	problem, hint := said(talk)
	if problem == "" {
		problem = fmt.Sprintf("%s exited %d", verb, status)
	}
	refused := &RefusedError{Problem: problem, Hint: hint, status: status, code: codeOf(status)}
	return refused
}

// codeOf is the HTTP status for the exit status of a verb.
func codeOf(status int) int {
	switch status {
	case 0:
		return http.StatusOK
	case 1, 3, 7: // failed, went back, or could not even go back
		return http.StatusUnprocessableEntity
	case exitRefused:
		return http.StatusBadRequest
	case exitBusy:
		return http.StatusConflict
	case exitNotFound:
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}
