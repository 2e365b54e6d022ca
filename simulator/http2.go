package simulator

import (
	"encoding/binary"
	"net"
	"sync"
)

// HTTP/2 frames and error codes, RFC 9113.
const (
	frameHeaderLen = 9
	frameRSTStream = 3
	frameGoAway    = 7

	codeNoError       = 0
	codeProtocolError = 1
	codeInternalError = 2
	codeRefusedStream = 7
	codeCancel        = 8
)

// A streamEnd says how a stream whose handler gave up really ends.
type streamEnd struct {
	code   uint32
	goAway bool // the whole connection ends, by GOAWAY and close
	below  bool // GOAWAY's last stream id is below this stream: it was not processed
	noise  bool // bytes that are no frame
}

// A frameWriter lets the frames of http.Server pass, except that the
// RST_STREAM(INTERNAL_ERROR) of an aborted handler is replaced by what the
// handler asked for. Two handlers of one connection that abort at the same
// instant may get each other's ending.
type frameWriter struct {
	out net.Conn

	mu      sync.Mutex
	endings []streamEnd
	head    []byte // an incomplete frame header, or RST_STREAM frame
	body    int    // bytes of the current frame still to pass through
}

// expect queues the ending of the next aborted stream.
func (w *frameWriter) expect(end streamEnd) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endings = append(w.endings, end)
}

// Write passes frames on. It may keep back an incomplete frame header.
func (w *frameWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []byte
	last := false
	for rest := p; len(rest) > 0; {
		if w.body > 0 {
			n := min(w.body, len(rest))
			out = append(out, rest[:n]...)
			w.body -= n
			rest = rest[n:]
			continue
		}
		n := min(w.wanted()-len(w.head), len(rest))
		w.head = append(w.head, rest[:n]...)
		rest = rest[n:]
		if len(w.head) < w.wanted() {
			continue
		}
		frame, ended := w.frame()
		out = append(out, frame...)
		last = last || ended
	}
	if len(out) > 0 {
		if _, err := w.out.Write(out); err != nil {
			return 0, err
		}
	}
	if last {
		_ = w.out.Close()
	}
	return len(p), nil
}

// wanted is how much of a frame must be there before it is judged.
func (w *frameWriter) wanted() int {
	if len(w.head) >= frameHeaderLen && w.head[3] == frameRSTStream {
		return frameHeaderLen + 4
	}
	return frameHeaderLen
}

// frame takes the frame start collected in head, and exchanges it if it is the
// ending of an aborted stream. It reports true when the connection ends with it.
func (w *frameWriter) frame() (out []byte, last bool) {
	head := w.head
	w.head = nil
	if head[3] != frameRSTStream {
		w.body = int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		return head, false
	}
	if binary.BigEndian.Uint32(head[9:]) != codeInternalError || len(w.endings) == 0 {
		return head, false
	}
	end := w.endings[0]
	w.endings = w.endings[1:]
	stream := binary.BigEndian.Uint32(head[5:])
	switch {
	case end.noise:
		return []byte("\xff\xff\xffthis is no frame\r\n\r\n"), true
	case end.goAway && end.below:
		return goAway(max(stream, 2)-2, end.code), true
	case end.goAway:
		return goAway(stream, end.code), true
	}
	binary.BigEndian.PutUint32(head[9:], end.code)
	return head, false
}

func goAway(lastStream, code uint32) []byte {
	frame := []byte{0, 0, 8, frameGoAway, 0, 0, 0, 0, 0}
	frame = binary.BigEndian.AppendUint32(frame, lastStream)
	return binary.BigEndian.AppendUint32(frame, code)
}
