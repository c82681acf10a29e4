package health

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Conn is an HTTP/2 connection (RFC 9113) of a check's own, for one ping or one
// request. It has no goroutine and does what one exchange needs: no flow control, since
// what is sent and read fits into the first window, no pushes and no further streams.
//
// http2.Transport would do, for two goroutines a run and a line in the process's log for
// each service that speaks something else.
type http2Conn struct {
	ctx  context.Context
	conn net.Conn
	stop func() bool
	*http2.Framer
}

// maxStream is how much a service may send in all.
const maxStream = 64 << 10

// dialHTTP2 connects and sends the preface. The connection ends with ctx.
func dialHTTP2(ctx context.Context, d *dialer, address string, cfg *tls.Config) (*http2Conn, error) {
	conn, err := d.secure(ctx, address, cfg)
	if err != nil {
		return nil, err
	}
	limited := &limitedReader{from: conn, left: maxStream, beyond: fmt.Sprintf("it sends more than %d bytes", maxStream)}
	c := &http2Conn{ctx: ctx, conn: conn, stop: endWith(ctx, conn), Framer: http2.NewFramer(conn, limited)}
	c.SetMaxReadFrameSize(16 << 10) // the least that one may have to take
	c.ReadMetaHeaders = hpack.NewDecoder(4<<10, nil)
	c.MaxHeaderListSize = maxHeader
	_, err = io.WriteString(conn, http2.ClientPreface)
	if err = cmp.Or(err, c.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0})); err != nil {
		c.close()
		return nil, c.cause(err)
	}
	return c, nil
}

func (c *http2Conn) close() {
	c.stop()
	c.conn.Close()
}

// cause is err, or that the time was over, which may show as any error.
func (c *http2Conn) cause(err error) error {
	var protocol http2.ConnectionError
	end, limited := c.ctx.Deadline()
	switch {
	case c.ctx.Err() != nil, limited && !time.Now().Before(end):
		return context.DeadlineExceeded
	case errors.As(err, &protocol), errors.Is(err, http2.ErrFrameTooLarge):
		return errors.New("it does not speak HTTP/2")
	}
	return err
}

// next returns the next frame that is for the caller, and answers what is for the
// connection.
func (c *http2Conn) next() (http2.Frame, error) {
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return nil, c.cause(err)
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = c.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if f.IsAck() {
				return f, nil
			}
			err = c.WritePing(true, f.Data)
		case *http2.GoAwayFrame:
			err = fmt.Errorf("it closes the connection with HTTP/2 error %v", f.ErrCode)
		default:
			return f, nil
		}
		if err != nil {
			return nil, c.cause(err)
		}
	}
}

// ping returns when a ping was answered.
func (c *http2Conn) ping() error {
	sent := [8]byte{'h', 'e', 'a', 'l', 't', 'h'}
	if err := c.WritePing(false, sent); err != nil {
		return c.cause(err)
	}
	for {
		frame, err := c.next()
		if err != nil {
			return err
		}
		if f, ok := frame.(*http2.PingFrame); ok && f.Data == sent {
			return nil
		}
	}
}

// http2Answer is what came back for a request. Its fields hold those of the trailer as
// well, which no gRPC answer has twice.
type http2Answer struct {
	fields map[string]string
	body   []byte
}

// request sends a request and returns the answer, once it has ended.
func (c *http2Conn) request(fields []hpack.HeaderField, body []byte) (http2Answer, error) {
	const stream = 1
	a := http2Answer{fields: map[string]string{}}
	if err := c.send(stream, fields, body); err != nil {
		return a, c.cause(err)
	}
	for {
		frame, err := c.next()
		if err != nil {
			return a, err
		}
		if frame.Header().StreamID != stream {
			continue
		}
		ended := false
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				a.fields[field.Name] = field.Value
			}
			ended = f.StreamEnded()
		case *http2.DataFrame:
			a.body = append(a.body, f.Data()...)
			ended = f.StreamEnded()
		case *http2.RSTStreamFrame:
			return a, fmt.Errorf("it ends the request with HTTP/2 error %v", f.ErrCode)
		}
		if ended {
			return a, nil
		}
	}
}

func (c *http2Conn) send(stream uint32, fields []hpack.HeaderField, body []byte) error {
	var block buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range fields {
		if err := encoder.WriteField(field); err != nil {
			return err
		}
	}
	err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true})
	if err != nil {
		return err
	}
	return c.WriteData(stream, true, body)
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
