package httpapi

import (
	"net/http"
	"net/url"
	"strings"
)

// exactPath returns r with its path written so that the mux takes it as it is. IDs may
// hold "//" or "..", and clients send them unescaped; the mux would tidy these up and
// redirect to an ID that is somebody else's.
func exactPath(r *http.Request) *http.Request {
	escaped := r.URL.EscapedPath()
	if !strings.Contains(escaped, "//") && !strings.Contains(escaped, "/.") || escaped[0] != '/' {
		return r
	}
	segments := strings.Split(escaped[1:], "/")
	var out strings.Builder
	slash := "/"
	for i, segment := range segments {
		out.WriteString(slash)
		slash = "/"
		switch segment {
		case "":
			if i < len(segments)-1 {
				slash = "%2F" // the one that follows belongs to the ID
			}
		case ".", "..":
			out.WriteString(strings.ReplaceAll(segment, ".", "%2E"))
		default:
			out.WriteString(segment)
		}
	}
	exact := new(http.Request)
	*exact = *r
	exact.URL = new(url.URL)
	*exact.URL = *r.URL
	exact.URL.RawPath = out.String()
	return exact
}
