package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A Response is what goes back to the client in one exchange. The functions
// whose names begin with Then make them: they are the third step of a Fault.
type Response interface {
	respond(x *exchange)
}

// respondFunc is a Response that needs no type of its own.
type respondFunc func(x *exchange)

func (f respondFunc) respond(x *exchange) { f(x) }

// ThenAnswer answers in the provider's place.
func ThenAnswer(status int, header http.Header, body string) Response {
	return respondFunc(func(x *exchange) {
		x.send(answer{status: status, header: header.Clone(), body: []byte(body)})
	})
}

// thenProblem answers with an error in the provider's own words.
func thenProblem(kind problemKind) Response {
	return respondFunc(func(x *exchange) { x.send(x.core.api.problem(kind, x.r).clone()) })
}

// ThenStatus gives the provider's own answer under another status.
func ThenStatus(status int) Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		a.status = status
		x.send(a)
	})
}

// ThenReset breaks the connection: RST on TCP, also for every other stream of an
// HTTP/2 connection.
func ThenReset() Response { return respondFunc((*exchange).reset) }

// ThenClose closes the connection without an answer. (TCP sends RST in place of
// FIN if the request was not read to its end.)
func ThenClose() Response { return respondFunc((*exchange).shut) }

// ThenAbort cuts what this request is answered on and nothing else: the
// connection on HTTP/1, the stream (INTERNAL_ERROR) on HTTP/2.
func ThenAbort() Response { return respondFunc((*exchange).abort) }

// ThenHang never answers: the exchange ends when the client goes away or the
// server is closed.
func ThenHang() Response {
	return respondFunc(func(x *exchange) {
		if x.r.ProtoMajor == 1 && !x.whole {
			x.drain()
		}
		select {
		case <-x.r.Context().Done():
		case <-x.closing():
		}
		x.abort()
	})
}

// drain waits for the end of a client whose body was not read. net/http looks
// out for the client only behind the body, and reading that would send 100
// Continue.
func (x *exchange) drain() {
	if x.conn == nil {
		_, _ = io.Copy(io.Discard, x.r.Body)
		return
	}
	_, _ = io.Copy(io.Discard, x.conn)
	x.abort()
}

// ThenWait responds after d of the server's time, unless the client is gone by
// then. A nil next is the provider's own answer.
func ThenWait(d time.Duration, next Response) Response {
	return respondFunc(func(x *exchange) {
		if !x.wait(d, x.r.Context().Done()) {
			x.abort()
		}
		if next == nil {
			x.send(x.given())
			return
		}
		next.respond(x)
	})
}

// given is the provider's answer; without an execution there is none.
func (x *exchange) given() answer {
	if x.answer.status == 0 {
		x.abort()
	}
	return x.answer
}

// ThenTruncate announces the whole body and cuts the connection (HTTP/2: the
// stream) after n bytes of it. A negative n cuts in the middle.
func ThenTruncate(n int) Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		a.header.Set("Content-Length", fmt.Sprint(len(a.body)))
		x.cut(a, n)
	})
}

// ThenTruncateChunks is ThenTruncate for a body without an announced length.
func ThenTruncateChunks(n int) Response {
	return respondFunc(func(x *exchange) { x.cut(x.given(), n) })
}

func (x *exchange) cut(a answer, n int) {
	x.head(a)
	_, _ = x.w.Write(cutBody(a.body, n))
	x.flush()
	x.abort()
}

func cutBody(body []byte, n int) []byte {
	if n < 0 {
		n = len(body) / 2
	}
	return body[:min(n, len(body))]
}

// ThenTruncateSilently cuts the body after n bytes in a way that HTTP calls
// complete: HTTP/1.0, delimited by the end of the connection. On HTTP/2 the
// stream ends in good order after n bytes.
func ThenTruncateSilently(n int) Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		a.body = cutBody(a.body, n)
		if x.r.ProtoMajor != 1 {
			x.send(a)
			return
		}
		x.raw(a.status, wireForm("HTTP/1.0", a, nil))
	})
}

// ThenBody gives the provider's answer with another body, made from its own.
func ThenBody(change func(body []byte) []byte) Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		a.body = change(a.body)
		x.send(a)
	})
}

// ThenSlow gives the provider's answer one byte per interval.
func ThenSlow(interval time.Duration) Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		x.head(a)
		for i := range a.body {
			if !x.flush() || !x.wait(interval, x.r.Context().Done()) {
				x.abort()
			}
			_, _ = x.w.Write(a.body[i : i+1])
		}
	})
}

// ThenEndless gives the provider's answer and then white space, a block of 1 KiB
// per interval, for ever. The interval must be positive.
func ThenEndless(interval time.Duration) Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		x.head(a)
		_, _ = x.w.Write(a.body)
		for x.flush() && x.wait(max(interval, time.Millisecond), x.r.Context().Done()) {
			_, _ = x.w.Write(bytes.Repeat([]byte(" "), 1<<10))
		}
		x.abort()
	})
}

// ThenRaw writes bytes of the caller's choice, made from the provider's answer
// in HTTP/1.1 form, and closes the connection. On HTTP/2 the stream is reset
// with PROTOCOL_ERROR.
func ThenRaw(change func(response []byte) []byte) Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		x.raw(a.status, change(wireForm("HTTP/1.1", a, http.Header{"Content-Length": {fmt.Sprint(len(a.body))}})))
	})
}

// ThenRepeat gives the provider's answer, and gives it once more in front of the
// next answer on the same connection. HTTP/2 knows which answer is whose: there
// it is just the answer.
func ThenRepeat() Response {
	return respondFunc(func(x *exchange) {
		a := x.given()
		x.send(a)
		if x.conn != nil && x.r.ProtoMajor == 1 {
			x.conn.keepStale(wireForm("HTTP/1.1", a, http.Header{"Content-Length": {fmt.Sprint(len(a.body))}}))
		}
	})
}

// ThenInform sends n informational responses (103) and then responds. A nil next
// is the provider's own answer.
func ThenInform(n int, next Response) Response {
	return respondFunc(func(x *exchange) {
		for range n {
			x.w.WriteHeader(http.StatusEarlyHints)
		}
		ThenWait(0, next).respond(x)
	})
}

// thenEndStream ends the HTTP/2 stream or connection; HTTP/1 is cut.
func thenEndStream(end streamEnd) Response {
	return respondFunc(func(x *exchange) { x.endStream(end) })
}

// wireForm is an answer as HTTP/1 writes it.
func wireForm(version string, a answer, extra http.Header) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d %s\r\n", version, a.status, http.StatusText(a.status))
	_ = a.header.Write(&b)
	_ = extra.Write(&b)
	b.WriteString("\r\n")
	b.Write(a.body)
	return b.Bytes()
}

// cutAt cuts a response in wire form after n bytes of its first line.
func cutAt(n int) func([]byte) []byte {
	return func(response []byte) []byte { return response[:min(n, len(response))] }
}

// replaceLine replaces a header line, or the status line, by others.
func replaceLine(prefix, lines string) func([]byte) []byte {
	return func(response []byte) []byte {
		head, body, _ := strings.Cut(string(response), "\r\n\r\n")
		parts := strings.Split(head, "\r\n")
		for i, line := range parts {
			if strings.HasPrefix(line, prefix) {
				parts[i] = lines
				break
			}
		}
		return []byte(strings.Join(parts, "\r\n") + "\r\n\r\n" + body)
	}
}
