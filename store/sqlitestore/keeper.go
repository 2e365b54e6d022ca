package sqlitestore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const (
	// keepersSuffix is what the directory of lock files adds to the database's path.
	keepersSuffix = "-keepers"
	// keeperPrefix starts the name of a keeper's lock file.
	keeperPrefix = "keeper-"
	// openLock is the file that is locked by whoever opens the store.
	openLock = "open"
	// openPatience is how long an Open waits for another one, which may have to read millions of operations.
	openPatience = 2 * time.Minute
	// openPoll is how often it looks.
	openPoll = 5 * time.Millisecond
)

// keepers is the directory of lock files beside a database. Each open store holds a lock on a file of its own as long as its process
// lives; the kernel drops it when the process dies, however it dies. So a lease whose holder is dead is seen at once, by no clock.
type keepers struct {
	dir  string
	id   string       // this store's own
	lock *flock.Flock // held as long as the store is open
}

func newKeepers(path string) (*keepers, error) {
	k := &keepers{dir: path + keepersSuffix}
	if err := os.Mkdir(k.dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return k, syncDir(filepath.Dir(path))
}

// opening keeps other stores from opening until release is called.
func (k *keepers) opening(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	lock := flock.New(filepath.Join(k.dir, openLock), flock.SetPermissions(fileMode))
	if _, err := lock.TryLockContext(ctx, openPoll); err != nil {
		return nil, err
	}
	return func() { _ = lock.Unlock() }, nil
}

// created says whether the database was complete once; then it is never made anew.
func (k *keepers) created() bool {
	_, err := os.Lstat(filepath.Join(k.dir, witnessName))
	return err == nil
}

// join makes this store a keeper. It is called while the open lock is held, so that nobody looks at the file before it is locked.
func (k *keepers) join() error {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails: it ends the process instead
	k.id = hex.EncodeToString(id)
	k.lock = flock.New(k.file(k.id), flock.SetPermissions(fileMode))
	if ok, err := k.lock.TryLock(); err != nil || !ok {
		return errors.Join(errors.New("the new lock file is locked already"), err)
	}
	return syncDir(k.dir)
}

// leave is the last thing that a store does: its leases are over.
func (k *keepers) leave() error {
	if k.lock == nil {
		return nil
	}
	return errors.Join(k.lock.Unlock(), os.Remove(k.lock.Path()))
}

func (k *keepers) file(id string) string { return filepath.Join(k.dir, keeperPrefix+id) }

// alive says whether a keeper may live. What can't be told counts as alive: then the lease's time decides.
func (k *keepers) alive(id string) bool {
	if id == k.id || id != filepath.Base(id) {
		return true
	}
	// Shared, so that two who look at once don't take each other for the keeper; without O_CREATE, so that the dead stay dead.
	probe := flock.New(k.file(id), flock.SetFlag(os.O_RDONLY))
	free, err := probe.TryRLock()
	if free {
		_ = probe.Unlock()
	}
	return !free && !errors.Is(err, fs.ErrNotExist)
}

// others returns the keepers that live and those that died with the store open.
func (k *keepers) others() (living, dead []string, err error) {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), keeperPrefix)
		switch {
		case !ok || id == k.id:
		case k.alive(id):
			living = append(living, id)
		default:
			dead = append(dead, id)
		}
	}
	return living, dead, nil
}

// bury removes what dead keepers left.
func (k *keepers) bury(dead []string) error {
	var errs []error
	for _, id := range dead {
		if err := os.Remove(k.file(id)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
