package power_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// image is what a disk may hold after the power has failed at a moment. All of it follows from the seed.
type image struct {
	seed  uint64
	rnd   *rand.Rand
	point int // how many events had happened

	keeps   string // which of the unflushed changes are there
	keep    func(units int) func(unit int) bool
	block   int64 // writes are torn at its multiples
	garbles bool  // a lost block may hold anything
	extends bool  // a lost block may have made the file longer, by zeros
}

const keepsNothing = "nothing"

// newImage chooses what a seed stands for.
func newImage(seed uint64, w *workload) *image {
	rnd := rand.New(rand.NewPCG(seed, 4))
	i := &image{seed: seed, rnd: rnd, point: w.choose(rnd), block: []int64{512, 4096}[rnd.IntN(2)], garbles: rnd.IntN(4) == 0, extends: rnd.IntN(2) == 0}
	always := func(kept bool) func(int) func(int) bool {
		return func(int) func(int) bool { return func(int) bool { return kept } }
	}
	one := func(kept bool) func(int) func(int) bool {
		return func(units int) func(int) bool {
			chosen := rnd.IntN(max(units, 1))
			return func(unit int) bool { return (unit == chosen) == kept }
		}
	}
	odds := []float64{0.02, 0.1, 0.5, 0.9, 0.98}[rnd.IntN(5)]
	switch rnd.IntN(8) {
	case 0, 1:
		i.keeps, i.keep = keepsNothing, always(false)
	case 2:
		i.keeps, i.keep = "everything", always(true)
	case 3:
		i.keeps = "a prefix"
		i.keep = func(units int) func(int) bool {
			end := rnd.IntN(units + 1)
			return func(unit int) bool { return unit < end }
		}
	case 4:
		i.keeps, i.keep = "a single block or name", one(true)
	case 5:
		i.keeps, i.keep = "all but a single block or name", one(false)
	default:
		i.keeps = fmt.Sprintf("each with odds of %g", odds)
		i.keep = func(int) func(int) bool { return func(int) bool { return rnd.Float64() < odds } }
	}
	return i
}

func (i *image) String() string {
	return fmt.Sprintf("seed %d: power fails after event %d; of what was not flushed it keeps %s, in blocks of %d, garbles %t, extends %t",
		i.seed, i.point, i.keeps, i.block, i.garbles, i.extends)
}

// unit is what is kept or lost as a whole: a block of a write, a size, a name.
type unit struct {
	*change
	from, to int64 // of a write, in the file
}

func (i *image) units(pending []change) (all []unit) {
	for n := range pending {
		c := &pending[n]
		if c.Op != opWrite {
			all = append(all, unit{change: c})
			continue
		}
		end := c.Offset + int64(len(c.Data))
		for from := c.Offset; from < end; {
			to := min((from/i.block+1)*i.block, end)
			all = append(all, unit{change: c, from: from, to: to})
			from = to
		}
	}
	return all
}

// write makes the image in an empty directory. The disk stays as it is.
func (i *image) write(d *disk, dir string) error {
	after := map[*node]*node{} // what became of the nodes that changed
	touch := func(n *node) *node {
		if after[n] == nil {
			after[n] = &node{content: slices.Clone(n.content), names: maps.Clone(n.names)}
		}
		return after[n]
	}
	units := i.units(d.pending)
	kept := i.keep(len(units))
	for n, u := range units {
		switch data := u.data(); {
		case kept(n) && data != nil:
			touch(u.in).write(u.from, data)
		case kept(n):
			u.apply(touch(u.in))
		case data != nil:
			i.lose(touch(u.in), u.from, data)
		}
	}
	if err := save(d.current["."], after, dir); err != nil {
		return err
	}
	return i.leaveIndex(dir)
}

// leaveIndex leaves the -shm file, which is memory that processes share and no two of which are alike: none, a new one or any.
func (i *image) leaveIndex(dir string) error {
	index := [][]byte{nil, make([]byte, 32<<10), garbage(i.rnd, 32<<10)}[i.rnd.IntN(3)]
	path := filepath.Join(dir, filepath.FromSlash(database))
	if _, err := os.Stat(path); index == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.WriteFile(path+"-shm", index, 0o600)
}

// data is a unit's share of a write, nil if it is none.
func (u *unit) data() []byte {
	if u.Op != opWrite {
		return nil
	}
	return u.Data[u.from-u.Offset : u.to-u.Offset]
}

// lose does to a file what a block may do that did not arrive.
func (i *image) lose(n *node, offset int64, data []byte) {
	switch {
	case i.garbles && i.rnd.IntN(2) == 0:
		n.write(offset, garbage(i.rnd, len(data)))
	case i.extends && offset+int64(len(data)) > int64(len(n.content)):
		n.resize(offset + int64(len(data)))
	}
}

func garbage(rnd *rand.Rand, size int) []byte {
	data := make([]byte, size)
	for n := range data {
		data[n] = byte(rnd.Uint32())
	}
	return data
}

// save writes a node's files and directories.
func save(n *node, after map[*node]*node, dir string) error {
	if changed := after[n]; changed != nil {
		n = changed
	}
	for name, child := range n.names {
		path := filepath.Join(dir, name)
		if child.names == nil {
			if changed := after[child]; changed != nil {
				child = changed
			}
			if err := os.WriteFile(path, child.content, 0o600); err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := save(child, after, path); err != nil {
			return err
		}
	}
	return nil
}
