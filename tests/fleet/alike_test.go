//go:build unix

package fleet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/memstore"
	"github.com/payonce/payonce/store/sqlitestore"
)

// TestAllStoresAnswerAlike drives every store with the same random calls and demands the same answers.
func TestAllStoresAnswerAlike(t *testing.T) {
	t.Parallel()
	host := server.Server(t)
	file, err := sqlitestore.Open(filepath.Join(t.TempDir(), "payments.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	w := newWalk(seed(t), memstore.New(), file, openStore(t, openPool(t, host.URL()), host.Schema(t)))
	steps := number(t, "PAYONCE_STEPS", 500)
	require.NoError(t, w.run(t.Context(), steps))
	t.Logf("%d steps: %v", steps, w.tally)
	for _, seen := range []string{"claimed", "found", "key reuse", "stale", "saved", "not found", "listed", "purged"} {
		assert.Positive(t, w.tally[seen], "the walk never came to: %s", seen)
	}
}

// TestAStoreThatAnswersOtherwiseIsToldApart breaks a store in small ways, each of which the same walk must notice.
func TestAStoreThatAnswersOtherwiseIsToldApart(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*wrongStore){
		"a stale save goes through":         func(s *wrongStore) { s.saves = anyVersion },
		"a save forgets the note":           func(s *wrongStore) { s.saves = noNote },
		"a save keeps the lease":            func(s *wrongStore) { s.saves = longLease },
		"a key is found in any scope":       func(s *wrongStore) { s.anyScope = true },
		"a purge does one too few":          func(s *wrongStore) { s.lazy = true },
		"a renewal is for anybody's leases": func(s *wrongStore) { s.anyHolder = true },
		"a list has what is due later":      func(s *wrongStore) { s.allDue = true },
		"a load of an earlier generation":   func(s *wrongStore) { s.latest = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := &wrongStore{KeyStore: memstore.New()}
			wrong(broken)
			w := newWalk(seed(t), memstore.New(), broken)
			err := w.run(t.Context(), 4000)
			require.Error(t, err)
			t.Log(err)
		})
	}
}

// wrongStore is a store that is broken in one way.
type wrongStore struct {
	payonce.KeyStore

	saves                                     func(context.Context, payonce.KeyStore, *payonce.Record)
	anyScope, lazy, anyHolder, allDue, latest bool
}

func anyVersion(ctx context.Context, store payonce.KeyStore, rec *payonce.Record) {
	if stored, err := store.Load(ctx, rec.ID, rec.Generation); err == nil {
		rec.Version = stored.Version
	}
}

func noNote(_ context.Context, _ payonce.KeyStore, rec *payonce.Record) { rec.Note = "" }

func longLease(_ context.Context, _ payonce.KeyStore, rec *payonce.Record) {
	if rec.Lease.For == 0 {
		rec.Lease = payonce.Lease{Holder: "client-0", For: time.Hour}
	}
}

func (s *wrongStore) Save(ctx context.Context, rec *payonce.Record) error {
	if s.saves != nil {
		s.saves(ctx, s.KeyStore, rec)
	}
	return s.KeyStore.Save(ctx, rec)
}

func (s *wrongStore) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	if s.latest {
		generation = 0
	}
	return s.KeyStore.Load(ctx, id, generation)
}

func (s *wrongStore) Find(ctx context.Context, scope []byte, key string) (*payonce.Record, error) {
	for _, other := range scopes() {
		if rec, err := s.KeyStore.Find(ctx, other, key); s.anyScope && err == nil {
			return rec, nil
		}
	}
	return s.KeyStore.Find(ctx, scope, key)
}

func (s *wrongStore) Purge(ctx context.Context, before time.Time, limit int) (int, error) {
	if s.lazy {
		limit--
	}
	return s.KeyStore.Purge(ctx, before, limit)
}

func (s *wrongStore) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	for _, other := range holders() {
		if err := s.KeyStore.Renew(ctx, other, length, ids); s.anyHolder && err != nil {
			return err
		}
		if !s.anyHolder {
			break
		}
	}
	return s.KeyStore.Renew(ctx, holder, length, ids)
}

func (s *wrongStore) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	if s.allDue {
		f.DueBefore = time.Time{}
	}
	return s.KeyStore.List(ctx, f)
}

// random is the walk's chance.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 1))} }

// pick returns one of some.
func pick[T any](r random, some []T) T { return some[r.IntN(len(some))] }

// moment is a time of few, so that some are the same; sometimes none.
func (r random) moment() time.Time {
	if r.IntN(8) == 0 {
		return time.Time{}
	}
	return time.Date(2026, time.February, 3, 4, r.IntN(20), 5, 678_901_000, time.UTC)
}

// text is what providers, people and attackers write.
func (r random) text() string {
	return pick(r, []string{"", "declined", "支払い不可 <&> \"'", "zero \x00 byte", "no text \xff\xfe", "base64:bm8=", fmt.Sprint("text ", r.IntN(100))})
}

// raw is a body.
func (r random) raw() payonce.Raw {
	return pick(r, []payonce.Raw{nil, {}, payonce.Raw(`{"amount":5000}`), {0, 1, 254, 255}})
}
