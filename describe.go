package payonce

import (
	"errors"
	"slices"
)

// errorOf puts a record into words: nil for a success, else the error that its state stands for.
func (c *Client) errorOf(rec *Record, cause error) error {
	if rec.State == StateSucceeded {
		return nil
	}
	e := c.describe(rec)
	if e.Err = cause; cause == nil && rec.Reason != "" {
		e.Err = errors.New(rec.Reason)
	}
	return e
}

// describe fills an error with what the record knows. Kind is nil for a success.
func (c *Client) describe(rec *Record) *Error {
	e := &Error{
		Operation: rec.ID, Key: rec.Key, Generation: rec.Generation, Attempts: slices.Clone(rec.Attempts), Sent: rec.Sent,
		FirstSentAt: rec.FirstAt, DueAt: rec.DueAt,
	}
	e.Next, e.Kind = kindOf(rec)
	if c.policy.window > 0 && !rec.FirstAt.IsZero() {
		e.KeyExpiresAt = c.policy.sendBefore(state{Progress: Progress{Possible: 1, FirstAt: rec.FirstAt}, createdAt: rec.CreatedAt})
	}
	if o := rec.Outcome; o != nil {
		e.Status, e.Code, e.Message, e.RequestID = o.Status, o.Code, o.Message, o.RequestID
	}
	return e
}

// kindOf says what a record's state stands for and what to do next.
func kindOf(rec *Record) (next string, kind error) {
	class := ClassUnknown
	if rec.Outcome != nil {
		class = rec.Outcome.Class
	}
	switch rec.State {
	case StateSucceeded:
		return "", nil
	case StateOpen:
		return "call again with the same parameters, or let Recover finish it; never start it under another reference", ErrOutcomeUnknown
	case StateNotSent:
		if rec.KeySpent {
			return "nothing reached the provider and the key is retired; to try again use WithNewKey", ErrNotSent
		}
		return "nothing reached the provider; call again when you like", ErrNotSent
	case StateRejected:
		if class == ClassDeclined {
			return "the answer is final for this key; to try again use WithNewKey", ErrDeclined
		}
		if rec.KeySpent {
			return "the answer is final for this key; to try again use WithNewKey", ErrRejected
		}
		return "nothing took effect; mend the cause and call again with the same parameters, or with others and WithNewKey", ErrRejected
	case StateInDoubt:
		if class == ClassReuse {
			return "an earlier request with this key exists at the provider; find out what it did and settle it with Resolve", errReuseAtProvider
		}
		return "find out at the provider what happened and settle it with Resolve", ErrInDoubt
	}
	return "the record was written by a newer version", ErrOutcomeUnknown
}

// receipt says how an answer came about.
func (a *answer) receipt() Receipt {
	rec := a.rec
	r := Receipt{Operation: rec.ID, Key: rec.Key, Generation: rec.Generation, Attempts: rec.Sent, FirstSentAt: rec.FirstAt}
	if o := rec.Outcome; o != nil {
		r.RequestID, r.AnsweredAt = o.RequestID, o.AnsweredAt
		if o.Replayed {
			r.Replayed = "provider"
		}
	}
	if a.local {
		r.Replayed = "local"
	}
	return r
}

// describe fills in what a body would have said: of a success its code is the status, of a decline the reason.
func (o *Outcome) describe(status *Status, word, failure *string, portable func(string) Status) {
	if o.Class == ClassDeclined {
		*status, *failure = orDefault(*status, StatusFailed), orDefault(*failure, o.Code)
		return
	}
	*word = orDefault(*word, o.Code)
	if *status == "" && portable != nil {
		*status = portable(*word)
	}
}

// body returns the answer's body; nil once purged, or when there was no answer.
func (a *answer) body() Raw {
	if a.rec == nil || a.rec.Outcome == nil {
		return nil
	}
	return slices.Clone(a.rec.Outcome.Body)
}

// answered says whether there is a result to give the caller: a success, or a decline, which has both result and error.
func (a *answer) answered(err error) bool {
	return a.rec != nil && (err == nil || (errors.Is(err, ErrDeclined) && a.rec.Outcome != nil && a.rec.Outcome.ResourceID != ""))
}
