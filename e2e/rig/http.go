package rig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Response is what the HTTP API answered.
type Response struct {
	Code   int
	Header http.Header
	Body   []byte
}

// OK returns what the API said against the request, or nil if the code is 200.
func (r Response) OK() error {
	if r.Code == http.StatusOK {
		return nil
	}
	return fmt.Errorf("status %d: %s", r.Code, bytes.TrimSpace(r.Body))
}

// requestTime bounds one request, blocking queries included.
const requestTime = 30 * time.Second

// Do sends one request. body is a string, a []byte, or marshalled to JSON; nil is none.
func (a *Agent) Do(method, path string, body any) (Response, error) {
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(body)
	case []byte:
		content = bytes.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return Response{}, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, "http://"+a.HTTPAddr()+path, content)
	if err != nil {
		return Response{}, err
	}
	client := *a.client
	client.Timeout = requestTime
	res, err := client.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return Response{}, fmt.Errorf("%s %s: reading the body: %w", method, path, err)
	}
	return Response{res.StatusCode, res.Header, text}, nil
}

// Put sends a PUT that must succeed.
func (a *Agent) Put(path string, body any) error {
	res, err := a.Do(http.MethodPut, path, body)
	if err == nil {
		err = res.OK()
	}
	if err != nil {
		return fmt.Errorf("PUT %s on %s: %w", path, a.Node, err)
	}
	return nil
}

// Get sends a GET that must succeed, and reads its JSON into the value unless nil.
func (a *Agent) Get(path string, into any) (Response, error) {
	res, err := a.Do(http.MethodGet, path, nil)
	if err == nil {
		err = res.OK()
	}
	if err == nil && into != nil {
		err = json.Unmarshal(res.Body, into)
	}
	if err != nil {
		return res, fmt.Errorf("GET %s on %s: %w", path, a.Node, err)
	}
	return res, nil
}
