package pgstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Error is what went wrong with a store: what was done, on which server, why it failed and what to do about it. A write that failed may
// have been committed; whoever made it reads again. It holds no password and no body; of a row it may name identity and key.
type Error struct {
	// Server is host, port, database and schema.
	Server string
	// Doing is what was tried: "open", "claim truelayer/live/client-1 payment.create order-1".
	Doing string
	// Err is the cause. What PostgreSQL said has a method SQLState() string.
	Err error
	// Advice says what to do; empty when there is nothing to add.
	Advice string
}

// Error says it in one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("pgstore: %s: %s: %v", e.Doing, e.Server, e.Err)
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refuse is the error for a server or a schema that can't be used as it is.
func refuse(server, advice, format string, args ...any) error {
	return &Error{Server: server, Doing: "open", Err: fmt.Errorf(format, args...), Advice: advice}
}

// explain adds server and advice to what PostgreSQL or the network said.
func explain(server, doing string, err error) error {
	if _, own := errors.AsType[*Error](err); err == nil || own {
		return err
	}
	return &Error{Server: server, Doing: doing, Err: plain(err), Advice: advice(err)}
}

// serverError is what the server or the driver said, in words only: the driver's own errors hold the password of the connection, and
// the server's rows that it refused.
type serverError struct{ text, state string }

func (e *serverError) Error() string { return e.text }

// SQLState is PostgreSQL's code of what went wrong, "" if it did not come from PostgreSQL.
func (e *serverError) SQLState() string { return e.state }

// plain takes what may be secret out of an error.
func plain(err error) error {
	_, server := errors.AsType[*pgconn.PgError](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, config := errors.AsType[*pgconn.ParseConfigError](err)
	if !server && !connect && !config {
		return err
	}
	return &serverError{text: strings.Join(strings.Fields(err.Error()), " "), state: sqlState(err)}
}

// sqlState returns PostgreSQL's code of what went wrong, "" if there is none.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// The codes that more than advice depends on.
const (
	stateDivisionByZero      = "22012"
	stateSerializationFailed = "40001"
	stateDeadlock            = "40P01"
	stateForbidden           = "42501"
	stateNoTable             = "42P01"
	stateNoFunction          = "42883"
	stateNotSupported        = "0A000"
	stateInternal            = "XX000"
	stateLockTimeout         = "55P03"
)

// advice says what a person can do about it.
func advice(err error) string {
	state := sqlState(err)
	switch state {
	case stateNoTable, "42703", "3F000":
		return "the schema is missing or of another version: call pgstore.Migrate, and name the schema with WithSchema if it is not in the search path"
	case stateForbidden:
		return "the role needs usage of the schema, and select, insert, update and delete on the tables payonce_*"
	case stateLockTimeout:
		return "another transaction has held a lock on it for long: look for a session that is idle in transaction"
	case stateSerializationFailed, stateDeadlock:
		return "other transactions were in the way every time: try again"
	case stateDivisionByZero: // the guard
		return "the writer's row was gone again and again: look for a pool that reaches two primaries"
	case "25006", "55000":
		return "the server is a standby or read-only: connect to the primary, with target_session_attrs=read-write"
	case "26000", "42P05", "08P01":
		return "a pooler between here and the server loses prepared statements: set the pool's DefaultQueryExecMode to QueryExecModeExec or QueryExecModeCacheDescribe"
	case "53300":
		return "the server has no connection left: make the pools smaller or max_connections larger"
	case "57014":
		return "the statement was cancelled, by a person or by statement_timeout"
	}
	return adviceByClass(state)
}

// adviceByClass goes by the first two letters of the code.
func adviceByClass(state string) string {
	if len(state) != 5 {
		return ""
	}
	switch state[:2] {
	case "08", "57":
		return "the server stopped or the connection broke: what was being written may have been committed, and is read again"
	case "28", "3D":
		return "look at the user, the password and the database that the pool was made with"
	case "53":
		return "the server's disk or memory is full: make room; what was acknowledged is safe"
	case "58", "XX":
		return "look at the server's log and disk"
	}
	return ""
}
