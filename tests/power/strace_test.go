package power_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// calls are the system calls that are traced: those that the parser understands, and those that it must not meet.
const calls = "open,openat,mkdir,mkdirat,unlink,unlinkat,rmdir,pwrite64,write,truncate,ftruncate,fsync,fdatasync," +
	"creat,openat2,rename,renameat,renameat2,link,linkat,symlink,symlinkat,writev,pwritev,pwritev2,fallocate,copy_file_range," +
	"sendfile,splice,sync_file_range,mmap"

// sayPrefix starts a line on standard error that belongs into the trace.
const sayPrefix = "say "

// parser makes events of what strace wrote.
type parser struct {
	root   string
	exists map[string]bool
	begun  map[string]call // by thread: the call that has not ended yet
	events []event
}

// call is one system call.
type call struct {
	name  string
	args  []string
	began int // how many events had ended
}

var (
	wholeCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (\S+)`)
	callBegins  = regexp.MustCompile(`^(\d+) +(\w+)\((.*?),? *<unfinished \.\.\.>$`)
	callEnds    = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>,? ?(.*)\) += (\S+)`)
	descriptor  = regexp.MustCompile(`^(?:AT_FDCWD|-?\d+)<(.*)>(?:\(deleted\))?$`)
	noCall      = regexp.MustCompile(`^\d+ +(\+\+\+|---|\?\?\?\?)`)
	errUnparsed = errors.New("not understood")
)

// parse returns what happened below root.
func parse(r io.Reader, root string) ([]event, error) {
	p := &parser{root: root, exists: map[string]bool{".": true}, begun: map[string]call{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if err := p.line(lines.Text()); err != nil {
			return nil, fmt.Errorf("%.200s: %w", lines.Text(), err)
		}
	}
	for _, c := range p.begun {
		if p.touches(c) {
			return nil, fmt.Errorf("%s never ended: nobody knows whether it happened", c.name)
		}
	}
	return p.events, lines.Err()
}

func (p *parser) line(text string) error {
	if m := wholeCall.FindStringSubmatch(text); m != nil {
		return p.ended(call{name: m[2], args: split(m[3]), began: len(p.events)}, m[4])
	}
	if m := callBegins.FindStringSubmatch(text); m != nil {
		c := call{name: m[2], args: split(m[3]), began: len(p.events)}
		p.begun[m[1]] = c
		p.say(c) // said when it begins: from then on others may rely on it
		return nil
	}
	if m := callEnds.FindStringSubmatch(text); m != nil {
		c, ok := p.begun[m[1]]
		if !ok {
			return errUnparsed
		}
		delete(p.begun, m[1])
		c.args = append(c.args, split(m[2])...)
		if c.name == "write" && p.name(c.args[0]) == "" {
			return nil // said already
		}
		return p.ended(c, m[3])
	}
	if noCall.MatchString(text) {
		return nil
	}
	return errUnparsed
}

func split(args string) []string {
	if args == "" {
		return nil
	}
	return strings.Split(args, ", ") // strings are all in hex, so that this is no part of one
}

func unquote(arg string) string {
	data, _ := hex.DecodeString(strings.ReplaceAll(strings.Trim(arg, `"`), `\x`, ""))
	return string(data)
}

// name returns the name below root of a descriptor, "" if it is elsewhere.
func (p *parser) name(arg string) string {
	m := descriptor.FindStringSubmatch(arg)
	if m == nil || strings.HasSuffix(arg, "(deleted)") {
		return ""
	}
	return p.relative(unquote(m[1]))
}

func (p *parser) relative(file string) string {
	if file == p.root {
		return "."
	}
	name, ok := strings.CutPrefix(file, p.root+"/")
	if !ok || strings.HasSuffix(name, "-shm") { // which SQLite makes anew after a crash, whatever is in it
		return ""
	}
	return name
}

// at resolves a path that a call has named, with the descriptor of its directory or without.
func (p *parser) at(args []string) string {
	file := unquote(args[len(args)-1])
	if m := descriptor.FindStringSubmatch(args[0]); m != nil && !path.IsAbs(file) {
		file = path.Join(unquote(m[1]), file)
	}
	return p.relative(file)
}

func (p *parser) say(c call) {
	if c.name != "write" || len(c.args) < 2 || p.name(c.args[0]) != "" {
		return
	}
	for line := range strings.Lines(unquote(c.args[1])) {
		if said, ok := strings.CutPrefix(strings.TrimSpace(line), sayPrefix); ok {
			p.events = append(p.events, event{Op: opSay, Said: strings.Fields(said)})
		}
	}
}

// ended makes an event of a call that had an effect.
func (p *parser) ended(c call, result string) error {
	if result == "?" && p.touches(c) {
		return fmt.Errorf("%w: its process was killed, nobody knows whether it happened", errUnparsed)
	}
	if strings.HasPrefix(result, "-") || result == "?" {
		return nil
	}
	switch c.name {
	case "open", "openat":
		p.opened(c, result)
	case "mkdir":
		p.add(event{Op: opMkdir, Name: p.at(c.args[:1])})
	case "mkdirat":
		p.add(event{Op: opMkdir, Name: p.at(c.args[:2])})
	case "unlink", "rmdir":
		p.add(event{Op: opRemove, Name: p.at(c.args[:1])})
	case "unlinkat":
		p.add(event{Op: opRemove, Name: p.at(c.args[:2])})
	case "fsync", "fdatasync":
		p.add(event{Op: opSync, Name: p.name(c.args[0]), Began: c.began})
	case "ftruncate":
		size, err := strconv.ParseInt(c.args[1], 10, 64)
		p.add(event{Op: opTruncate, Name: p.name(c.args[0]), Size: size})
		return err
	case "pwrite64":
		return p.wrote(c, result)
	case "write":
		if p.name(c.args[0]) == "" {
			p.say(c)
			return nil
		}
		return errUnparsed
	default:
		if p.touches(c) {
			return errUnparsed
		}
	}
	return nil
}

// touches says whether a call may change something below root.
func (p *parser) touches(c call) bool {
	switch c.name {
	case "fsync", "fdatasync":
		return false // one that never ended has made nothing last
	case "open", "openat":
		return strings.Contains(strings.Join(c.args, " "), "O_CREAT")
	case "mmap":
		if !strings.Contains(strings.Join(c.args, " "), "PROT_WRITE") {
			return false
		}
	}
	for _, arg := range c.args {
		if p.name(arg) != "" || strings.HasPrefix(arg, `"`) && p.relative(unquote(arg)) != "" {
			return true
		}
	}
	return false
}

func (p *parser) opened(c call, result string) {
	name, flags := p.name(result), strings.Join(c.args, " ")
	switch {
	case name == "":
	case !p.exists[name] && strings.Contains(flags, "O_CREAT"):
		p.add(event{Op: opCreate, Name: name})
	case strings.Contains(flags, "O_TRUNC"):
		p.add(event{Op: opTruncate, Name: name})
	}
}

func (p *parser) wrote(c call, result string) error {
	n, err := strconv.Atoi(result)
	offset, err2 := strconv.ParseInt(c.args[3], 10, 64)
	data := []byte(unquote(c.args[1]))
	if err = errors.Join(err, err2); err != nil || n > len(data) {
		return errors.Join(errUnparsed, err)
	}
	p.add(event{Op: opWrite, Name: p.name(c.args[0]), Offset: offset, Data: data[:n]})
	return nil
}

func (p *parser) add(e event) {
	switch {
	case e.Name == "":
		return
	case e.Op == opRemove:
		delete(p.exists, e.Name)
	case e.Op == opCreate || e.Op == opMkdir:
		p.exists[e.Name] = true
	case !p.exists[e.Name]:
		return // a removed file that is still open
	}
	p.events = append(p.events, e)
}
