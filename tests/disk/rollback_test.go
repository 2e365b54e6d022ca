package disk_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// The files of a store are copied after every write in the life of some operations, and put back later: at each step of that life, with
// the witness that knows better, with none, and with one that was put back too; at once, and when the provider has forgotten the keys.
// Then a new process recovers, and the merchant asks for everything again.

// image is the content of a store's files by their suffixes.
type image map[string][]byte

// fileSuffixes are those of the files that matter; -shm is made anew.
func fileSuffixes() []string { return []string{"", "-wal", witness} }

const witness = "-keepers/created"

// take copies a store's files.
func take(t *testing.T, path string) image {
	t.Helper()
	files := image{}
	for _, suffix := range fileSuffixes() {
		if data, err := os.ReadFile(path + suffix); err == nil {
			files[suffix] = data
		} else if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
	}
	return files
}

// put puts files back, and removes what was not there.
func (files image) put(t *testing.T, path string, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		require.NoError(t, os.MkdirAll(filepath.Dir(path+suffix), 0o700))
		if data, ok := files[suffix]; ok {
			require.NoError(t, os.WriteFile(path+suffix, data, 0o600))
		} else {
			require.NoError(t, os.RemoveAll(path+suffix))
		}
	}
	require.NoError(t, os.RemoveAll(path+"-shm"))
}

// chapter is one thing that happens in the life of the operations. Each is another client.
type chapter struct {
	name string
	live func(s *shop, c *payonce.Client)
}

func chapters() []chapter {
	return []chapter{
		{"another payment", func(s *shop, c *payonce.Client) { _ = s.pay(c, "order-0", s.price) }},
		{"not sent", func(s *shop, c *payonce.Client) {
			s.sim.Script(simulator.Repeated(simulator.ConnectionRefused(), 2))
			_ = s.pay(c, "order-1", s.price)
			s.sim.ClearScript()
		}},
		{"answers lost", func(s *shop, c *payonce.Client) {
			s.sim.Script(simulator.LoseAnswer(), simulator.LoseAnswer())
			_ = s.pay(c, "order-1", s.price)
			s.sim.ClearScript()
		}},
		{"recovered", func(s *shop, c *payonce.Client) { s.recover(c) }},
		{"declined", func(s *shop, c *payonce.Client) { _ = s.pay(c, "order-2", s.dear) }},
		{"paid under a new key", func(s *shop, c *payonce.Client) { _ = s.pay(c, "order-2", s.price, payonce.WithNewKey()) }},
	}
}

// restore is a way to put files back.
type restore struct {
	name string
	// files are those that are put back. Forget removes the witness.
	files  []string
	forget bool
	// late lets the provider forget its keys before anybody works again.
	late bool
}

func restores(d *dialect) []restore {
	database := []string{"", "-wal"}
	both := []restore{
		{name: "the database", files: database},
		{name: "the database, late", files: database, late: true},
	}
	if d.name == "truelayer" { // its keys live longer, and else it is the same
		return both
	}
	return append(both, []restore{
		{name: "the database without a witness", files: database, forget: true},
		{name: "the database without a witness, late", files: database, forget: true, late: true},
		{name: "the witness too", files: fileSuffixes()},
	}...)
}

func TestAJournalThatIsPutBackToAnEarlierStatePaysNothingTwice(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		for _, how := range restores(&d) {
			t.Run(d.name+", "+how.name, func(t *testing.T) {
				t.Parallel()
				tried := 0
				for lived := 1; lived <= len(chapters()); lived++ {
					for from := 0; rewind(t, &d, how, from, lived); from += sampled(13) {
						tried++
						require.False(t, t.Failed(), "what was written %d writes after the beginning was put back after %q", from+1, chapters()[lived-1].name)
					}
				}
				require.Greater(t, tried, len(chapters()))
				t.Logf("%d times put back", tried)
			})
		}
	}
}

// rewind lives some chapters, puts back the files as they were after a write, and lets everybody go on. It says whether there were so
// many writes.
func rewind(t *testing.T, d *dialect, how restore, from, lived int) (done bool) {
	t.Helper()
	path := t.TempDir() + "/payments.db"
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, d)
		var steps []step
		store, err := s.open(path)
		require.NoError(t, err)
		for _, chapter := range chapters()[:lived] {
			s.work(&copier{KeyStore: store, t: t, path: path, steps: &steps}, func(c *payonce.Client) { chapter.live(s, c) })
			elapse(time.Minute)
		}
		require.NoError(t, store.Close())
		if done = from < len(steps); !done {
			return
		}
		lost := string(steps[from].files[witness]) != string(take(t, path)[witness])
		if how.forget {
			require.NoError(t, os.RemoveAll(path+"-keepers"))
		}
		steps[from].files.put(t, path, how.files...)
		if how.late {
			elapse(s.provider.Profile().KeyLife + time.Hour)
		}
		s.goOn(path, lived, steps[from].begun, how.late)
		noticed := strings.Contains(s.log.String(), "restored")
		assert.Equal(t, how.forget || (lost && len(how.files) == 2), noticed, "that it was restored is logged")
		assert.LessOrEqual(t, s.total(), []int{1, 2, 2, 2, 2, 3}[lived-1], "one for each order")
	})
	return done
}

// goOn is a new process that recovers, and the merchant who asks for everything again. What the store has forgotten altogether is asked
// for only while the provider has not: then nobody can know that it was paid.
func (s *shop) goOn(path string, lived int, begun map[string]int, late bool) {
	s.t.Helper()
	store, err := s.open(path)
	require.NoError(s.t, err)
	s.work(store, func(c *payonce.Client) {
		for range 2 {
			s.recover(c)
			for n, first := range []int{1, 2, 5} {
				if reference := fmt.Sprintf("order-%d", n); lived >= first && (!late || begun[reference] > 0) {
					s.again(c, n, lived)
				}
			}
			elapse(10 * time.Minute)
		}
	})
	require.NoError(s.t, store.Close())
}

// again asks for an order as the last chapter that was lived did.
func (s *shop) again(c *payonce.Client, n, lived int) {
	s.t.Helper()
	reference := fmt.Sprintf("order-%d", n)
	switch {
	case n < 2:
		_ = s.pay(c, reference, s.price)
	case lived == 5:
		_ = s.pay(c, reference, s.dear)
	default:
		_ = s.pay(c, reference, s.price, payonce.WithNewKey())
	}
}

// step is what a store's files were after a write, and the latest generation of each operation that was begun by then.
type step struct {
	files image
	begun map[string]int
}

// copier is a store whose files are copied after every write.
type copier struct {
	payonce.KeyStore

	t    *testing.T
	path string

	mu    sync.Mutex
	steps *[]step
}

func (c *copier) wrote(rec *payonce.Record, err error) {
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := map[string]int{}
	if n := len(*c.steps); n > 0 {
		maps.Copy(begun, (*c.steps)[n-1].begun)
	}
	begun[rec.ID.Reference] = max(begun[rec.ID.Reference], rec.Generation)
	*c.steps = append(*c.steps, step{take(c.t, c.path), begun})
}

func (c *copier) Claim(ctx context.Context, rec *payonce.Record) (*payonce.Record, error) {
	got, err := c.KeyStore.Claim(ctx, rec)
	if err == nil && got == rec {
		c.wrote(rec, nil)
	}
	return got, err
}

func (c *copier) Save(ctx context.Context, rec *payonce.Record) error {
	err := c.KeyStore.Save(ctx, rec)
	c.wrote(rec, err)
	return err
}

func (c *copier) SaveLater(rec *payonce.Record, done func(error)) {
	kept := *rec
	c.KeyStore.SaveLater(rec, func(err error) {
		c.wrote(&kept, err)
		done(err)
	})
}
