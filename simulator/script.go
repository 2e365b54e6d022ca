package simulator

import (
	"net/http"
	"slices"
	"sync"
)

// script is the queue of faults still to come.
type script struct {
	mu     sync.Mutex
	faults []*armed
}

// An armed fault knows how often it may still be applied; negative is for ever.
type armed struct {
	Fault

	left int
}

func (s *script) add(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		left := f.Times
		if left == 0 {
			left = 1
		}
		f.Header = f.Header.Clone()
		s.faults = append(s.faults, &armed{Fault: f, left: left})
	}
}

func (s *script) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take returns the first fault that applies, and uses it up by one.
func (s *script) take(applies func(*Fault) bool) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.faults, func(a *armed) bool { return applies(&a.Fault) })
	if i < 0 {
		return Fault{}, false
	}
	f := s.faults[i]
	if f.left > 0 {
		f.left--
	}
	if f.left == 0 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return f.Fault, true
}

// forRequest returns the fault for a request; used says that its connection
// carried another request before.
func (s *script) forRequest(r *http.Request, used bool, faultable func(*http.Request) bool) (Fault, bool) {
	return s.take(func(f *Fault) bool {
		match := f.Match
		if match == nil {
			match = faultable
		}
		return f.Dial == DialNormally && (used || !f.OnReused) && match(r)
	})
}

// forDial returns the fault for a dial.
func (s *script) forDial() (Fault, bool) {
	return s.take(func(f *Fault) bool { return f.Dial != DialNormally })
}
