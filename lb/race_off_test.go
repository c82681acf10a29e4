//go:build !race

package lb_test

const raced = false
