//go:build !linux && !darwin

package agent

import (
	"errors"

	"covey/httpapi"
)

func hostDisk(path string) (httpapi.HostDisk, error) {
	return httpapi.HostDisk{Path: path}, errors.ErrUnsupported
}
