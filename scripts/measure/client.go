package measure

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Client is an HTTP client with one kept connection and no goroutine: it shares the
// machine with the agent it measures, so it is to cost little.
type Client struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	host string
}

// requestTime bounds one request.
const requestTime = 30 * time.Second

// Dial connects to an agent's HTTP API.
func Dial(addr string) (*Client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn, in: bufio.NewReader(conn), host: addr}, nil
}

// Register sends one registration and returns once it was acknowledged.
func (c *Client) Register(body []byte) error {
	c.out = append(c.out[:0], "PUT /v1/agent/service/register HTTP/1.1\r\nHost: "...)
	c.out = append(c.out, c.host...)
	c.out = append(c.out, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	c.out = append(c.out, body...)
	if err := c.conn.SetDeadline(time.Now().Add(requestTime)); err != nil {
		return err
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return fmt.Errorf("registering: %w", err)
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return fmt.Errorf("registering: reading the answer: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("registering: reading the answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("registering: %s: %s", res.Status, text)
	}
	return nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }
