using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>
/// Reads a pattern in the syntax that tokenizer files use: Oniguruma's, in its Ruby flavour (documented in Oniguruma's <c>doc/RE</c>),
/// where <c>^</c> and <c>$</c> always mean lines and <c>(?m)</c> lets a dot match line ends.
/// </summary>
/// <remarks>Back references, subexpression calls, conditionals, absence operators and text segments are refused by name.</remarks>
internal sealed class PatternParser
{
    private const int MaxRepeat = 1000;
    private const int MostQuantifiers = 8;

    private readonly PatternReader _reader;
    private readonly List<int> _literalRun = [];
    private PatternFlags _flags;

    private PatternParser(string pattern) => _reader = new PatternReader(pattern);

    public static PatternNode Parse(string pattern)
    {
        var parser = new PatternParser(pattern);
        var node = parser.Alternation();
        if (!parser._reader.AtEnd) throw parser._reader.Error("an unmatched ')'");
        return node;
    }

    private PatternNode Alternation()
    {
        using var level = _reader.Enter();
        var choices = new List<PatternNode> { Sequence() };
        while (_reader.TryTake('|')) choices.Add(Sequence());
        return choices.Count == 1 ? choices[0] : new AlternationNode(choices);
    }

    private PatternNode Sequence()
    {
        _literalRun.Clear();
        var items = new List<PatternNode>();
        while (!_reader.AtEnd && _reader.Peek is not ('|' or ')'))
        {
            if (_flags.HasFlag(PatternFlags.Extended) && SkipExtended()) continue;
            if (_reader.TryTake("(?#"))
            {
                _reader.TakeUntil(')', "a comment");
                continue;
            }

            var (node, endsSequence) = Atom();
            if (endsSequence)
            {
                items.Add(node);
                break;
            }

            items.Add(Quantified(node));
        }

        return items.Count == 1 ? items[0] : new SequenceNode(items);
    }

    private bool SkipExtended()
    {
        if (_reader.Peek is ' ' or '\t' or '\n' or '\r' or '\f' or '\v')
        {
            _reader.Take();
            return true;
        }

        if (_reader.Peek != '#') return false;
        while (!_reader.AtEnd && _reader.Take() != '\n')
        {
        }

        return true;
    }

    /// <summary>Reads one atom. An isolated option such as <c>(?i)</c> reaches to the end of its group and ends the sequence.</summary>
    private (PatternNode Node, bool EndsSequence) Atom()
    {
        var c = _reader.Take();
        switch (c)
        {
            case '(': return Group();
            case '[': return (Other(new PatternBrackets(_reader, _flags).Read()), false);
            case '.': return (Other(_flags.HasFlag(PatternFlags.DotAll) ? CodePointSet.All : NotLineEnd()), false);
            case '^': return (new AssertionNode(Assertion.LineStart), false);
            case '$': return (new AssertionNode(Assertion.LineEnd), false);
            case '\\': return (Escape(), false);
            case '*' or '+' or '?': throw _reader.Error($"a '{(char)c}' with nothing to repeat");
            default: return (Literal(c), false);
        }
    }

    private SetNode Other(CodePointSet set)
    {
        _literalRun.Clear();
        return new SetNode(set);
    }

    private static CodePointSet NotLineEnd() => CodePointSet.Of('\n').Complement();

    private SetNode Literal(int codePoint)
    {
        if (!_flags.HasFlag(PatternFlags.IgnoreCase)) return new SetNode(CodePointSet.Of(codePoint));
        var cases = CaseMapping.Instance;
        var orbit = cases.Orbit(codePoint).ToArray();
        _literalRun.Add(codePoint);
        if (orbit.Any(cases.FoldsToMultiple) || cases.MultipleFoldings.Any(EndsRun))
        {
            throw _reader.Error(
                $"the letter '{char.ConvertFromUtf32(codePoint)}' under (?i), where one letter equals several (as 'ss' does U+00DF); "
                    + "that is not supported");
        }

        return new SetNode(CodePointSet.OfRanges(orbit.Select(c => (c, c))));
    }

    private bool EndsRun(int[] sequence)
    {
        if (sequence.Length > _literalRun.Count) return false;
        for (var i = 1; i <= sequence.Length; i++)
        {
            if (!CaseMapping.Instance.Orbit(_literalRun[^i]).Contains(sequence[^i])) return false;
        }

        return true;
    }

    private PatternNode Escape()
    {
        var c = _reader.Take();
        switch (c)
        {
            case 'A': return new AssertionNode(Assertion.TextStart);
            case 'Z': return new AssertionNode(Assertion.TextEndOrLastLineEnd);
            case 'z': return new AssertionNode(Assertion.TextEnd);
            case 'b': return new AssertionNode(Assertion.WordBoundary);
            case 'B': return new AssertionNode(Assertion.NotWordBoundary);
            case 'G': return new AssertionNode(Assertion.SearchStart);
            case 'R': return LineEnd();
            case 'N': return Other(NotLineEnd());
            case 'O': return Other(CodePointSet.All);
            case 'w': return Other(PropertyNames.WordOutsideBrackets);
            case 'W': return Other(PropertyNames.WordOutsideBrackets.Complement());
            default: return PatternEscapes.Class(_reader, c) is { } set ? Other(set) : Literal(PatternEscapes.Character(_reader, c));
        }
    }

    private AtomicNode LineEnd()
    {
        _literalRun.Clear();
        var pair = new SequenceNode([new SetNode(CodePointSet.Of('\r')), new SetNode(CodePointSet.Of('\n'))]);
        var single = new SetNode(CodePointSet.OfRanges([('\n', '\r'), (0x85, 0x85), (0x2028, 0x2029)]));
        return new AtomicNode(new AlternationNode([pair, single]));
    }

    private (PatternNode Node, bool EndsSequence) Group()
    {
        var saved = _flags;
        if (_reader.TryTake("?=")) return (Closed(b => new LookNode(b, Behind: false, Negated: false)), false);
        if (_reader.TryTake("?!")) return (Closed(b => new LookNode(b, Behind: false, Negated: true)), false);
        if (_reader.TryTake("?<=")) return (Closed(b => LookBehind(b, negated: false)), false);
        if (_reader.TryTake("?<!")) return (Closed(b => LookBehind(b, negated: true)), false);
        if (_reader.TryTake("?>")) return (Closed(b => new AtomicNode(b)), false);
        if (_reader.TryTake("?:")) return (Closed(b => b), false);
        if (_reader.TryTake("?<")) _reader.TakeUntil('>', "a group name");
        else if (_reader.TryTake("?'")) _reader.TakeUntil('\'', "a group name");
        else if (_reader.TryTake('?')) return Options(saved);
        return (Closed(b => b), false);
    }

    private (PatternNode Node, bool EndsSequence) Options(PatternFlags saved)
    {
        var on = true;
        while (!_reader.AtEnd)
        {
            var c = _reader.Take();
            if (c == '-')
            {
                on = false;
            }
            else if (c == ':')
            {
                return (Closed(b => b, saved), false);
            }
            else if (c == ')')
            {
                var rest = Alternation();
                _flags = saved;
                return (rest, true);
            }
            else
            {
                var flag = c switch
                {
                    'i' => PatternFlags.IgnoreCase,
                    'm' => PatternFlags.DotAll,
                    'x' => PatternFlags.Extended,
                    _ => throw _reader.Error($"the group '(?{char.ConvertFromUtf32(c)}', which is not supported"),
                };
                _flags = on ? _flags | flag : _flags & ~flag;
            }
        }

        throw _reader.Error("a group without its ')'");
    }

    private PatternNode Closed(Func<PatternNode, PatternNode> wrap, PatternFlags? restore = null)
    {
        var saved = restore ?? _flags;
        var body = Alternation();
        if (!_reader.TryTake(')')) throw _reader.Error("a group without its ')'");
        _flags = saved;
        _literalRun.Clear();
        return wrap(body);
    }

    private LookNode LookBehind(PatternNode body, bool negated) =>
        body.MaxWidth == int.MaxValue
            ? throw _reader.Error("a look-behind of unlimited length, which is not supported")
            : new LookNode(body, Behind: true, negated);

    private PatternNode Quantified(PatternNode node)
    {
        var levels = 0;
        while (_reader.TryTakeQuantifier(out var min, out var max, out var isBraces))
        {
            if (++levels > MostQuantifiers) throw _reader.Error("too many quantifiers after one another");
            // After braces, '?' makes an exact count optional and '+' repeats the whole: only after one-character
            // quantifiers do they mean reluctant and possessive (Oniguruma's Ruby syntax).
            var kind = RepeatKind.Greedy;
            if (!(isBraces && min == max) && _reader.TryTake('?')) kind = RepeatKind.Lazy;
            var possessive = !isBraces && kind == RepeatKind.Greedy && _reader.TryTake('+');
            if (max == int.MaxValue && node.MinWidth == 0)
                throw _reader.Error("an unlimited repeat of something that can be empty, which is not supported");
            if (min > MaxRepeat || (max != int.MaxValue && max > MaxRepeat))
                throw _reader.Error($"a repeat count above {MaxRepeat}");
            node = new RepeatNode(node, min, max, kind);
            if (possessive) node = new AtomicNode(node);
            _literalRun.Clear();
        }

        return node;
    }
}
