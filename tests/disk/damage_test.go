package disk_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
	"github.com/payonce/payonce/store/sqlitestore"
)

// A store that was closed, or whose process died, is damaged in every way that a disk or a hand can think of. Then it is opened: either it
// refuses, says what to do, and has changed nothing; or it is sound, and every operation that it had acknowledged is there, or says
// itself that it can't be read, or the log says that the store was restored. Then everything is recovered and asked for again: nothing is
// paid twice, nothing is reported wrongly, and nothing is sent but what was sent before.

const page = 4096

// museum is a store at several times of its life, and what it acknowledged.
type museum struct {
	*shop

	early, closed, crashed image
	moments                []image
	truth                  map[string]*payonce.Record // as of the end
	sent                   map[string]string          // the body that belongs to each key
}

// orders are the prices of what was ordered.
func (s *shop) orders() map[string]payonce.Amount {
	all := map[string]payonce.Amount{"order-declined": s.dear}
	for n := range 6 {
		all[fmt.Sprintf("order-%d", n)] = s.price
	}
	for _, name := range []string{"order-lost", "order-not-sent", "order-late"} {
		all[name] = s.price
	}
	return all
}

func newMuseum(t *testing.T, d *dialect) *museum {
	t.Helper()
	m := &museum{shop: newShop(t, d), truth: map[string]*payonce.Record{}, sent: map[string]string{}}
	path := t.TempDir() + "/payments.db"
	m.live(path, func(c *payonce.Client) {
		for n := range 6 {
			_ = m.pay(c, fmt.Sprintf("order-%d", n), m.price)
		}
		_ = m.pay(c, "order-declined", m.dear)
	})
	m.early = take(t, path)
	elapse(time.Minute)

	store, err := m.open(path)
	require.NoError(t, err)
	var steps []step
	keeper := &copier{KeyStore: store, t: t, path: path, steps: &steps}
	m.work(keeper, func(c *payonce.Client) {
		m.sim.Script(simulator.Repeated(simulator.ConnectionRefused(), 2))
		_ = m.pay(c, "order-not-sent", m.price)
		m.sim.ClearScript()
		elapse(time.Minute)
		m.sim.Script(simulator.LoseAnswer(), simulator.LoseAnswer())
		_ = m.pay(c, "order-lost", m.price)
		m.sim.ClearScript()
		elapse(time.Minute)
		_ = m.pay(c, "order-late", m.price)
	})
	for _, s := range steps {
		m.moments = append(m.moments, s.files)
	}
	m.crashed = take(t, path)
	for reference := range m.orders() {
		m.truth[reference], err = store.Load(t.Context(), payonce.OperationID{Account: m.provider.Profile().Account, Kind: "payment.create", Reference: reference}, 1)
		require.NoError(t, err)
	}
	require.NoError(t, store.Close())
	m.closed = take(t, path)
	for _, rec := range m.truth {
		m.sent[rec.Key] = string(rec.Body)
	}
	return m
}

// live is a process with a store of its own.
func (m *museum) live(path string, do func(c *payonce.Client)) {
	m.t.Helper()
	store, err := m.open(path)
	require.NoError(m.t, err)
	m.work(store, do)
	require.NoError(m.t, store.Close())
}

// exhibit opens damaged files and judges what comes of it. It says whether they were refused.
func (m *museum) exhibit(files image, crashed bool, what string) (refused bool) {
	m.t.Helper()
	path := m.t.TempDir() + "/payments.db"
	files.put(m.t, path, fileSuffixes()...)
	if crashed {
		require.NoError(m.t, os.WriteFile(path+"-keepers/keeper-00000000deadbeef", nil, 0o600))
	}
	m.log.Reset()
	store, err := m.open(path)
	if err != nil {
		var own *sqlitestore.Error
		require.ErrorAs(m.t, err, &own, what)
		assert.NotEmpty(m.t, own.Advice, "%s: %v", what, err)
		after := take(m.t, path)
		assert.True(m.t, bytes.Equal(files[""], after[""]) && bytes.Equal(files["-wal"], after["-wal"]), "%s: it was refused, and changed: %v", what, err)
		return true
	}
	m.look(store, what)
	m.work(store, func(c *payonce.Client) {
		m.recover(c)
		for reference, price := range m.orders() {
			_ = m.pay(c, reference, price)
		}
	})
	_ = store.Close() // what is damaged may not be writable either
	for _, r := range m.sim.Requests() {
		if body, ok := m.sent[r.Key]; r.Complete && r.Key != "" && (!ok || body != string(r.Body)) {
			assert.Fail(m.t, "what was damaged was sent", "%s: key %s, body %s", what, r.Key, r.Body)
		}
	}
	return false
}

// look compares what the store says with what it acknowledged.
func (m *museum) look(store *sqlitestore.Store, what string) {
	m.t.Helper()
	restored := strings.Contains(m.log.String(), "restored")
	for reference, want := range m.truth {
		got, err := store.Load(m.t.Context(), want.ID, 1)
		switch {
		case err == nil && restored:
			assert.Equal(m.t, want.Key, got.Key, "%s: %s", what, reference)
		case err == nil && got.Version == want.Version:
			got.Lease, got.Newest, want.Lease, want.Newest = payonce.Lease{}, time.Time{}, payonce.Lease{}, time.Time{}
			assert.True(m.t, reflect.DeepEqual(got, want), "%s: %s is not what was written: %+v", what, reference, got)
		case err == nil:
			assert.Equal(m.t, []any{want.Sent, want.LastAt}, []any{got.Sent, got.LastAt}, "%s: %s lost a mark and nobody says so", what, reference)
		default:
			assert.False(m.t, strings.Contains(err.Error(), payonce.ErrNotFound.Error()) && !restored, "%s: %s was forgotten and nobody says so", what, reference)
		}
	}
}

// inMuseum runs a test on a museum. What is tried does not let time pass, so that the provider forgets nothing.
func inMuseum(t *testing.T, try func(m *museum)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := miraclePay()
		try(newMuseum(t, &d))
	})
}

// with returns the files with one changed.
func (files image) with(suffix string, change func(data []byte) []byte) image {
	changed := maps.Clone(files)
	changed[suffix] = change(slices.Clone(files[suffix]))
	return changed
}

func TestNoFlippedBitIsOverlooked(t *testing.T) {
	t.Parallel()
	inMuseum(t, func(m *museum) {
		const each = 12
		tried, refused := 0, 0
		for name, files := range map[string]image{"": m.closed, "-wal": m.crashed} {
			size := len(files[name])
			require.Greater(m.t, size, 10*page)
			step := page / each * sampled(7)
			for at := 0; at < size && !m.t.Failed(); at += step + at%7 {
				tried++
				bit := byte(1) << (at % 8)
				if m.exhibit(files.with(name, func(data []byte) []byte { data[at] ^= bit; return data }), name == "-wal",
					fmt.Sprintf("bit %#x of byte %d of %q was flipped", bit, at, name)) {
					refused++
				}
			}
		}
		m.t.Logf("%d bits, %d refused", tried, refused)
	})
}

func TestNoDamagedPageIsOverlooked(t *testing.T) {
	t.Parallel()
	inMuseum(t, func(m *museum) {
		pages := len(m.closed[""]) / page
		tried, refused := 0, 0
		for what, change := range map[string]func(data []byte, n int){
			"zeroed":                   func(data []byte, n int) { clear(data[n*page : (n+1)*page]) },
			"filled with ones":         func(data []byte, n int) { copy(data[n*page:], bytes.Repeat([]byte{0xff}, page)) },
			"replaced by the next one": func(data []byte, n int) { copy(data[n*page:(n+1)*page], m.closed[""][(n+1)%pages*page:]) },
			"put back to an earlier one": func(data []byte, n int) {
				if old := m.early[""]; (n+1)*page <= len(old) {
					copy(data[n*page:], old[n*page:(n+1)*page])
				}
			},
			"torn": func(data []byte, n int) { clear(data[n*page+512 : (n+1)*page]) },
		} {
			for n := 0; n < pages && !m.t.Failed(); n += sampled(3) {
				tried++
				if m.exhibit(m.closed.with("", func(data []byte) []byte { change(data, n); return data }), false, fmt.Sprintf("page %d was %s", n+1, what)) {
					refused++
				}
			}
		}
		m.t.Logf("%d pages, %d refused", tried, refused)
	})
}

func TestNoCutFileIsOverlooked(t *testing.T) {
	t.Parallel()
	inMuseum(t, func(m *museum) {
		tried, refused := 0, 0
		for name, files := range map[string]image{"": m.closed, "-wal": m.crashed} {
			size := len(files[name])
			for length := 0; length < size && !m.t.Failed(); length += (page + 24) / 2 * sampled(5) {
				tried++
				if m.exhibit(files.with(name, func(data []byte) []byte { return data[:length] }), name == "-wal", fmt.Sprintf("%q was cut to %d bytes", name, length)) {
					refused++
				}
			}
		}
		m.t.Logf("%d lengths, %d refused", tried, refused)
	})
}

func TestNoExchangedFileIsOverlooked(t *testing.T) {
	t.Parallel()
	inMuseum(t, func(m *museum) {
		path := m.t.TempDir() + "/other.db"
		other, err := m.open(path)
		require.NoError(m.t, err)
		m.work(other, func(c *payonce.Client) { _ = m.pay(c, "order-other", m.price) })
		foreign := take(m.t, path)
		require.NoError(m.t, other.Close())
		requests := m.sim.Requests()
		m.sent[requests[len(requests)-1].Key] = string(requests[len(requests)-1].Body)

		moments := append(slices.Clone(m.moments), m.closed, m.crashed, foreign, image{})
		tried, refused := 0, 0
		for i, database := range append(slices.Clone(m.moments), m.early, m.closed, m.crashed) {
			for j := 0; j < len(moments) && !m.t.Failed(); j += sampled(5) {
				tried++
				files := image{"": database[""], witness: m.crashed[witness]}
				if wal := moments[j]["-wal"]; len(wal) > 0 {
					files["-wal"] = wal
				}
				if m.exhibit(files, j%2 == 0, fmt.Sprintf("the database is of moment %d, -wal of %d", i, j)) {
					refused++
				}
			}
		}
		m.t.Logf("%d pairs, %d refused", tried, refused)
	})
}
