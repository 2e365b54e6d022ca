package sqlitestore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// witnessName is the witness's file among the keepers. That it is there also says that the database was complete once.
const witnessName = "created"

// testimony is what a witness says: which database it stands beside, and the newest time that it saw committed.
type testimony struct {
	newest   int64
	database string
}

// text has always the same length, so that it is written over in place and is never half there.
func (t testimony) text() []byte { return fmt.Appendf(nil, "%020d %s\n", t.newest, t.database) }

// nameOf names a database by its salt, which every copy of it has, and which is secret.
func nameOf(salt []byte) string {
	sum := sha256.Sum256(append([]byte("payonce witness of "), salt...))
	return hex.EncodeToString(sum[:16])
}

// witness is a file outside of the database that tells when the database was put back to an earlier state: it knows a newer time.
// It is written after each commit that has a newer one, and not flushed then: that it outlasts the process is enough. Of several
// processes the last one writes; that it may step back by a moment does no harm, because a witness that knows too little only
// notices less.
type witness struct {
	file *os.File
	said testimony
}

// readTestimony returns what the witness in a keepers' directory says. Nothing, or what is no testimony, is nil.
func readTestimony(dir string) (*testimony, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // it was only read
	text, err := root.ReadFile(witnessName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var t testimony
	if _, err := fmt.Sscanf(string(text), "%d %s\n", &t.newest, &t.database); err != nil || string(t.text()) != string(text) {
		return nil, nil
	}
	return &t, nil
}

// swear opens the witness, or makes it, and makes durable what it is to say. It is called when the database is complete.
func swear(dir string, t testimony) (*witness, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	file, err := root.OpenFile(witnessName, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	_, err = file.WriteAt(t.text(), 0)
	err = errors.Join(err, file.Truncate(int64(len(t.text()))), file.Sync(), root.Close(), syncDir(dir))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &witness{file: file, said: t}, nil
}

// tell makes it say a newer time. If that fails it notices less, and nobody can do anything about it: the commit was done.
func (w *witness) tell(newest int64) {
	if newest > w.said.newest {
		w.said.newest = newest
		_, _ = w.file.WriteAt(w.said.text(), 0)
	}
}

func (w *witness) close() error { return errors.Join(w.file.Sync(), w.file.Close()) }
