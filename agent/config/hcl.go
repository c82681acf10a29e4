// HCL to untyped values. The tree is walked here, not decoded by the hcl package: what
// that makes of blocks (lists of maps, everywhere) does not tell one block from a list
// of one, keeps the last of two values of a key, and loses the line.

package config

import (
	"errors"
	"fmt"
	"strconv"

	"covey/catalog/definition/strict"
	"covey/internal/fault"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/hcl/parser"
	"github.com/hashicorp/hcl/hcl/scanner"
	"github.com/hashicorp/hcl/hcl/token"
)

// parseHCL parses a file. Errors are of kind Invalid and say where.
func parseHCL(text []byte) (values map[string]any, err error) {
	defer func() { // the parser panics on some malformed strings
		if r := recover(); r != nil {
			values, err = nil, fault.New(fault.Invalid, "not HCL: %v", r)
		}
	}()
	file, err := parser.Parse(text)
	if at := (*parser.PosError)(nil); errors.As(err, &at) {
		return nil, fault.New(fault.Invalid, "line %d: not HCL: %w", at.Pos.Line, at.Err)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "not HCL: %w", err)
	}
	if line, ok := unfinished(text); ok {
		return nil, fault.New(fault.Invalid, "line %d: not HCL: the file ends before the value of a key", line)
	}
	list, ok := file.Node.(*ast.ObjectList)
	if !ok {
		return nil, fault.New(fault.Invalid, "not HCL: the file is no object")
	}
	return hclObject(list)
}

// unfinished reports whether the text ends in a key without a value, which the parser
// takes for the end of the file.
func unfinished(text []byte) (line int, found bool) {
	var last token.Token
	s := scanner.New(text)
	s.Error = func(token.Pos, string) {} // the parser has told
	for t := s.Scan(); t.Type != token.EOF; t = s.Scan() {
		if t.Type != token.COMMENT {
			last = t
		}
	}
	return last.Pos.Line, last.Type == token.ASSIGN || last.Type == token.IDENT
}

func hclObject(list *ast.ObjectList) (map[string]any, error) {
	values := make(map[string]any, len(list.Items))
	lines := make(map[string]int, len(list.Items))
	for _, item := range list.Items {
		key, ok := item.Keys[0].Token.Value().(string)
		if !ok {
			return nil, hclFault(item, "a key must be a word or a string")
		}
		if len(item.Keys) > 1 {
			return nil, hclFault(item, "%s takes no label: write name = %s within its block", key, item.Keys[1].Token.Text)
		}
		value, err := hclValue(item.Val)
		if err != nil {
			return nil, err
		}
		if earlier, given := values[key]; given {
			blocks, ok := moreBlocks(earlier, value)
			if !ok {
				return nil, hclFault(item, "%s is given already on line %d", key, lines[key])
			}
			value = blocks
		} else if block, ok := value.(map[string]any); ok && !item.Assign.IsValid() {
			value = strict.Blocks{block}
		}
		values[key], lines[key] = value, item.Pos().Line
	}
	return values, nil
}

// moreBlocks adds a value to the blocks that were given under the same key.
func moreBlocks(earlier, value any) (strict.Blocks, bool) {
	block, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	switch x := earlier.(type) {
	case strict.Blocks:
		return append(x, block), true
	case map[string]any:
		return strict.Blocks{x, block}, true
	}
	return nil, false
}

func hclValue(node ast.Node) (any, error) {
	switch n := node.(type) {
	case *ast.ObjectType:
		return hclObject(n.List)
	case *ast.ListType:
		list := make([]any, 0, len(n.List))
		for _, element := range n.List {
			value, err := hclValue(element)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case *ast.LiteralType:
		return hclLiteral(n)
	}
	return nil, hclFault(node, "a value of type %T", node)
}

func hclLiteral(n *ast.LiteralType) (any, error) {
	switch n.Token.Type {
	case token.NUMBER:
		i, err := strconv.ParseInt(n.Token.Text, 0, 64)
		if err != nil {
			return nil, hclFault(n, "%s is no number of 64 bits", n.Token.Text)
		}
		return i, nil
	case token.FLOAT:
		f, err := strconv.ParseFloat(n.Token.Text, 64)
		if err != nil {
			return nil, hclFault(n, "%s is no number", n.Token.Text)
		}
		return f, nil
	}
	return n.Token.Value(), nil
}

func hclFault(at ast.Node, format string, args ...any) error {
	return fault.New(fault.Invalid, "line %d: %s", at.Pos().Line, fmt.Sprintf(format, args...))
}
