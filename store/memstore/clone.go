package memstore

import (
	"bytes"
	"slices"
	"time"

	"github.com/payonce/payonce"
)

// clone returns a copy that shares no memory with rec, its times as a durable store would return them.
func clone(rec *payonce.Record) *payonce.Record {
	c := *rec
	c.Scope = bytes.Clone(rec.Scope)
	c.Fingerprint = bytes.Clone(rec.Fingerprint)
	c.Seal = bytes.Clone(rec.Seal)
	c.Header = rec.Header.Clone()
	c.Body = bytes.Clone(rec.Body)
	c.CreatedAt = stored(rec.CreatedAt)
	c.NotAfter = stored(rec.NotAfter)
	c.Progress = cloneProgress(rec.Progress)
	return &c
}

func cloneProgress(p payonce.Progress) payonce.Progress {
	p.FirstAt, p.LastAt, p.DueAt = stored(p.FirstAt), stored(p.LastAt), stored(p.DueAt)
	p.Attempts = slices.Clone(p.Attempts)
	for i := range p.Attempts {
		p.Attempts[i].StartedAt = stored(p.Attempts[i].StartedAt)
	}
	if p.Outcome != nil {
		o := *p.Outcome
		o.Body = bytes.Clone(o.Body)
		o.AnsweredAt = stored(o.AnsweredAt)
		p.Outcome = &o
	}
	return p
}

// stored returns the time as a database gives it back: in UTC, to the microsecond, without Go's monotonic reading.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
