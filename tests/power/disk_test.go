package power_test

import (
	"path"
	"slices"
)

// disk is what the recorded processes did to the disk up to a moment, and what of it a flush has made to last. The rules are stricter
// than any filesystem: unless it was flushed, each block of a write, each size and each name may or may not be there, in any
// combination; the flush of a file covers its content and size, and not its name, which is its directory's.
type disk struct {
	at      int              // events that have happened
	current map[string]*node // by name, as processes see it
	pending []change         // what nothing has flushed, oldest first
}

// node is a file or a directory, as far as it was flushed.
type node struct {
	content []byte           // a file's
	names   map[string]*node // a directory's; nil: it is a file
}

// change is an event that was not flushed.
type change struct {
	*event
	at    int   // its number
	in    *node // the file or the directory that it changes
	child *node // what a name was given to
}

func newDisk() *disk {
	return &disk{current: map[string]*node{".": {names: map[string]*node{}}}}
}

// step does the next event.
func (d *disk) step(e *event) {
	c := change{event: e, at: d.at}
	d.at++
	switch e.Op {
	case opSay:
	case opSync:
		d.flush(d.current[e.Name], e.Began)
	case opCreate, opMkdir:
		c.in, c.child = d.current[path.Dir(e.Name)], &node{}
		if e.Op == opMkdir {
			c.child.names = map[string]*node{}
		}
		d.current[e.Name] = c.child
		d.pending = append(d.pending, c)
	case opRemove:
		c.in = d.current[path.Dir(e.Name)]
		delete(d.current, e.Name)
		d.pending = append(d.pending, c)
	case opWrite, opTruncate:
		c.in = d.current[e.Name]
		d.pending = append(d.pending, c)
	}
}

// flush makes the changes of a node last that had ended when it began.
func (d *disk) flush(n *node, began int) {
	d.pending = slices.DeleteFunc(d.pending, func(c change) bool {
		covered := c.in == n && c.at < began
		if covered {
			c.apply(n)
		}
		return covered
	})
}

// apply does a whole change to a node.
func (c *change) apply(n *node) {
	switch c.Op {
	case opSay, opSync:
	case opCreate, opMkdir:
		n.names[path.Base(c.Name)] = c.child
	case opRemove:
		delete(n.names, path.Base(c.Name))
	case opWrite:
		n.write(c.Offset, c.Data)
	case opTruncate:
		n.resize(c.Size)
	}
}

// write puts data into a file, with zeros before it if the file was shorter.
func (n *node) write(offset int64, data []byte) {
	if end := offset + int64(len(data)); end > int64(len(n.content)) {
		n.resize(end)
	}
	copy(n.content[offset:], data)
}

// resize cuts a file, or adds zeros.
func (n *node) resize(size int64) {
	if grown := size - int64(len(n.content)); grown > 0 {
		n.content = append(n.content, make([]byte, grown)...)
	}
	n.content = n.content[:size]
}

// lasts says whether a name would outlast the power now.
func (d *disk) lasts(name string) bool {
	if name == "." {
		return true
	}
	dir := path.Dir(name)
	n := d.current[name]
	return n != nil && d.current[dir].names[path.Base(name)] == n && d.lasts(dir)
}
