using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>Reads a bracket expression: ranges, class escapes, POSIX names, nested brackets, <c>&amp;&amp;</c> and negation.</summary>
internal sealed class PatternBrackets(PatternReader reader, PatternFlags flags)
{
    private bool _combines;

    /// <summary>Reads what follows the opening bracket, up to and including the closing one.</summary>
    public CodePointSet Read()
    {
        var set = ReadLevel(out var negated);
        if (flags.HasFlag(PatternFlags.IgnoreCase)) set = WithCases(set, negated);
        return negated ? set.Complement() : set;
    }

    private CodePointSet ReadLevel(out bool negated)
    {
        using var level = reader.Enter();
        negated = reader.TryTake('^');
        CodePointSet? left = null;
        var ranges = new CodePointRanges();
        for (var isFirst = true; ; isFirst = false)
        {
            if (reader.TryTake("&&"))
            {
                left = Combined();
                ranges = new CodePointRanges();
                _combines = true;
            }
            else if (!isFirst && reader.TryTake(']'))
            {
                return Combined();
            }
            else
            {
                AddItem(ranges);
            }
        }

        CodePointSet Combined()
        {
            reader.CountRanges(ranges.Count + (left?.Count ?? 0));
            var set = ranges.ToSet();
            return left?.Intersect(set) ?? set;
        }
    }

    private void AddItem(CodePointRanges ranges)
    {
        var first = Operand(out var firstSet);
        if (firstSet is not null)
        {
            ranges.Add(firstSet);
            return;
        }

        var last = first;
        if (!reader.StartsWith("-]") && reader.TryTake('-'))
        {
            last = Operand(out var lastSet);
            if (lastSet is not null) throw reader.Error("a range in brackets that ends with a class");
            if (last < first) throw reader.Error("a range in brackets whose start exceeds its end");
        }

        ranges.Add(first, last);
    }

    /// <summary>Reads a character, or a set (then the result means nothing).</summary>
    private int Operand(out CodePointSet? set)
    {
        set = null;
        var c = reader.Take();
        if (c == '[')
        {
            set = reader.TryTake(':') ? Posix() : Nested();
            return -1;
        }

        if (c != '\\') return c;
        c = reader.Take();
        if (c == 'b') return '\b';
        set = PatternEscapes.Class(reader, c);
        return set is null ? PatternEscapes.Character(reader, c) : -1;
    }

    private CodePointSet Nested()
    {
        _combines = true;
        var set = ReadLevel(out var negated);
        return negated ? set.Complement() : set;
    }

    private CodePointSet Posix()
    {
        var negated = reader.TryTake('^');
        var name = reader.TakeUntil(':', "a POSIX bracket");
        if (!reader.TryTake(']') || PropertyNames.Posix(name) is not { } set) throw reader.Error($"the unknown POSIX bracket '[:{name}:]'");
        return negated ? set.Complement() : set;
    }

    private CodePointSet WithCases(CodePointSet set, bool negated)
    {
        if (_combines) throw reader.Error("nested brackets or '&&' under (?i), which is not supported");
        var cases = CaseMapping.Instance;
        if (!negated && cases.FoldingToMultiple.FirstOrDefault(set.Contains, -1) is >= 0 and var several)
            throw reader.Error($"U+{several:X4} in brackets under (?i), where one letter equals several; that is not supported");
        var extra = cases.Orbits.Where(orbit => orbit.Any(set.Contains)).SelectMany(orbit => orbit).Where(c => !set.Contains(c)).ToList();
        reader.CountRanges(extra.Count);
        return extra.Count == 0 ? set : set.Union(CodePointSet.OfRanges(extra.Select(c => (c, c))));
    }
}
