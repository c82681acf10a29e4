package health

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// dockerClient calls Docker's API, which Podman has too, each time over a connection of
// its own.
type dockerClient struct{ http *http.Client }

const dockerDefault = "unix:///var/run/docker.sock"

// newDockerClient is for the runtime at host, unix:///path.
func newDockerClient(host string) (*dockerClient, error) {
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return nil, fmt.Errorf("DOCKER_HOST is %q; only a socket of this host can be asked, such as %s", host, dockerDefault)
	}
	var plain net.Dialer
	return &dockerClient{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := plain.DialContext(ctx, "unix", path)
			if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
				err = fmt.Errorf("no container runtime listens on %s", path)
			}
			return conn, err
		},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHeader,
	}}}, nil
}

// call sends a request and hands the body of a successful answer to read.
func (c *dockerClient) call(ctx context.Context, method, path string, body any, read func(io.Reader) error) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the URL, which is made up
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		var said struct{ Message string }
		_ = asJSON(&said)(response.Body) // what is no JSON says nothing
		return fmt.Errorf("the container runtime refuses (%s): %s", response.Status, said.Message)
	}
	return read(response.Body)
}

func asJSON(into any) func(io.Reader) error {
	return func(r io.Reader) error {
		if err := json.NewDecoder(io.LimitReader(r, readBody)).Decode(into); err != nil {
			return fmt.Errorf("the container runtime's answer cannot be read: %w", err)
		}
		return nil
	}
}
