package power_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// promise is what the recorded processes were told up to a moment.
type promise struct {
	salt    string // digest of the first Open's; "": none has returned
	newest  int64  // the latest time in an acknowledged record
	records map[string]*history
}

// history is the versions of one record.
type history struct {
	tried []version
	acked int // how many of tried are no later than the last one that was acknowledged; 0: none was
}

// version is a record at a time. A digest holds all that must last.
type version struct {
	number, digest string
	newest         int64
}

func newPromise() *promise { return &promise{records: map[string]*history{}} }

// hear takes in what a process said.
func (p *promise) hear(said []string) error {
	switch said[0] {
	case saidSection, saidMade:
		return nil
	case saidOpened:
		if p.salt != "" && p.salt != said[1] {
			return errors.New("the salt has changed")
		}
		p.salt = said[1]
		return nil
	}
	if len(said) != 5 {
		return fmt.Errorf("not understood: %v", said)
	}
	newest, err := strconv.ParseInt(said[3], 10, 64)
	if err != nil {
		return err
	}
	v := version{number: said[2], digest: said[4], newest: newest}
	h := p.records[said[1]]
	if h == nil {
		h = &history{}
		p.records[said[1]] = h
	}
	if said[0] == saidTries {
		h.tried = append(h.tried, v)
		return nil
	}
	at := slices.Index(h.tried, v)
	if said[0] != saidDone || at < 0 {
		return fmt.Errorf("not understood: %v", said)
	}
	h.acked, p.newest = max(h.acked, at+1), max(p.newest, newest)
	return nil
}

// What a judge says of what the power has taken.
const (
	refusedMark    = "refused"
	lostMark       = "acknowledged and lost"
	rolledBackMark = "rolled back"
)

// judge says what is wrong with what was found of a record: its digest, "" if there was none.
func (h *history) judge(digest string) error {
	at := slices.IndexFunc(h.tried, func(v version) bool { return v.digest == digest })
	switch {
	case digest == "" && h.acked == 0:
		return nil
	case digest == "":
		return errors.New(lostMark)
	case at < 0:
		return errors.New("half: nobody ever wrote it so")
	case at+1 < h.acked:
		return fmt.Errorf(rolledBackMark+" to version %s; version %s was acknowledged", h.tried[at].number, h.tried[h.acked-1].number)
	}
	return nil
}

// purged says whether the last version that was acknowledged has no body.
func (h *history) purged() bool {
	return h.acked > 0 && strings.HasSuffix(h.tried[h.acked-1].number, purgedMark)
}
