package payonce_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
)

// lazy is a store that does what can wait after an hour, if the machine still runs.
type lazy struct{ payonce.KeyStore }

func (s lazy) SaveLater(rec *payonce.Record, done func(error)) {
	kept := *rec
	time.AfterFunc(time.Hour, func() { s.KeyStore.SaveLater(&kept, done) })
}

func TestARefusalIsStoredBeforeItIsTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script []reply
		err    error
		want   payonce.State
	}{
		"rejected": {script: []reply{{skip: true, status: 400, body: `{"code":"final"}`}}, err: payonce.ErrRejected, want: payonce.StateRejected},
		"declined": {script: []reply{{status: 200, body: `{"id":"pay_1","code":"declined"}`}}, err: payonce.ErrDeclined, want: payonce.StateRejected},
		"not sent": {script: []reply{{dial: true}, {dial: true}, {dial: true}, {dial: true}}, err: payonce.ErrNotSent, want: payonce.StateNotSent},
		"in doubt": {script: []reply{{skip: true, status: 422, body: `{"code":"reuse"}`}}, err: payonce.ErrInDoubt, want: payonce.StateInDoubt},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := lazy{memory()}
				_, err := newClient(t, newBank(test.script...), store).Payments.Create(t.Context(), order("order-1"))
				require.ErrorIs(t, err, test.err)
				assert.Equal(t, test.want, load(t, store, paymentID("order-1")).State, "the process may die now")
			})
		})
	}
}
