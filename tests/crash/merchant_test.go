//go:build unix

package crash_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// merchant is one process' client, with the store that it has open.
type merchant struct {
	dialect

	provider payonce.Provider
	client   *payonce.Client
	store    *watchedStore
	paid     []string
	close    func() error
}

// open opens the file and starts a client that finishes nothing by itself, and whose leases outlast every test unless the errand says
// otherwise: whoever waits for one to run out is seen.
func (e *errand) open(network *http.Client, log func(word string, args ...any)) (*merchant, error) {
	d := dialectOf(e.Provider)
	provider, err := d.provider(e.URL)
	if err != nil {
		return nil, err
	}
	if e.KeyLife > 0 {
		provider = shortMemory{provider, e.KeyLife}
	}
	file, err := sqlitestore.Open(e.Path)
	if err != nil {
		return nil, err
	}
	store := &watchedStore{KeyStore: file, say: log}
	client, err := payonce.New(payonce.Config{
		Provider: provider, Store: store, HTTPClient: network, RecoverEvery: -1, Lease: cmp.Or(e.Lease, time.Hour),
		Retry: payonce.Retry{MinWait: time.Millisecond, MaxWait: 4 * time.Millisecond, MaxElapsed: patience},
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	closing := sync.OnceValue(func() error { return errors.Join(client.Close(), file.Close()) })
	return &merchant{dialect: d, provider: provider, client: client, store: store, paid: e.Paid, close: closing}, nil
}

// shortMemory is a provider that forgets keys soon.
type shortMemory struct {
	payonce.Provider

	life time.Duration
}

func (p shortMemory) Profile() payonce.Profile {
	profile := p.Provider.Profile()
	profile.KeyLife = p.life
	return profile
}

// id is the identity of an operation. The even ones are payments, the odd ones refunds.
func (m *merchant) id(n int) payonce.OperationID {
	kind := "payment.create"
	if n%2 == 1 {
		kind = "refund.create"
	}
	return payonce.OperationID{Account: m.provider.Profile().Account, Kind: kind, Reference: fmt.Sprint("order-", n)}
}

// call asks for an operation, and returns the provider's id of what was made.
func (m *merchant) call(ctx context.Context, n int) (string, error) {
	reference := m.id(n).Reference
	if n%2 == 1 {
		r, err := m.client.Refunds.Create(ctx, payonce.RefundParams{
			Reference: reference, PaymentID: m.paid[n/2%len(m.paid)], Amount: payonce.Amount{Minor: 1, Currency: m.currency},
		})
		if err != nil {
			return "", err
		}
		return r.ID, nil
	}
	p, err := m.client.Payments.Create(ctx, m.params(reference, 5000))
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

// watchedStore times claims, and tells of every error that only a broken or busy file can be the cause of.
type watchedStore struct {
	payonce.KeyStore

	say    func(word string, args ...any)
	claims sync.Map // of payonce.OperationID to time.Duration
}

func (s *watchedStore) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	began := time.Now()
	stored, err := s.KeyStore.Claim(ctx, rec)
	s.claims.Store(rec.ID, time.Since(began))
	return stored, s.watch(err)
}

func (s *watchedStore) Load(ctx context.Context, id payonce.OperationID, generation int) (*payonce.Record, error) {
	rec, err := s.KeyStore.Load(ctx, id, generation)
	return rec, s.watch(err)
}

func (s *watchedStore) Save(ctx context.Context, rec *payonce.Record) error {
	return s.watch(s.KeyStore.Save(ctx, rec))
}

func (s *watchedStore) SaveLater(rec *payonce.Record, done func(error)) {
	s.KeyStore.SaveLater(rec, func(err error) { done(s.watch(err)) })
}

func (s *watchedStore) Renew(ctx context.Context, holder string, length time.Duration, ids []payonce.OperationID) error {
	return s.watch(s.KeyStore.Renew(ctx, holder, length, ids))
}

func (s *watchedStore) List(ctx context.Context, f payonce.Filter) ([]*payonce.Record, string, error) {
	page, next, err := s.KeyStore.List(ctx, f)
	return page, next, s.watch(err)
}

// watch passes an error on.
func (s *watchedStore) watch(err error) error {
	_, broken := errors.AsType[*sqlitestore.Error](err)
	if broken && !errors.Is(err, payonce.ErrStale) && !errors.Is(err, payonce.ErrNotFound) && !errors.Is(err, payonce.ErrKeyReuse) {
		s.say("store", err)
	}
	return err
}

// claimed returns how long the last claim of an operation took; 0 if there was none.
func (s *watchedStore) claimed(id payonce.OperationID) time.Duration {
	took, _ := s.claims.LoadAndDelete(id)
	d, _ := took.(time.Duration)
	return d
}
