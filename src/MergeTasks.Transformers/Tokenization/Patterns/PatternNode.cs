using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>
/// A pattern's syntax tree. Widths count code points; an unbounded width is <see cref="int.MaxValue"/>. They are computed once: asking
/// every level for those below, several times, would take for ever where levels are many.
/// </summary>
internal abstract record PatternNode
{
    /// <summary>The fewest code points that a match can take.</summary>
    public abstract int MinWidth { get; }

    /// <summary>The most code points that a match can take.</summary>
    public abstract int MaxWidth { get; }

    /// <summary>What a non-empty match can start with, or null where nothing is known.</summary>
    public abstract CodePointSet? First { get; }

    /// <summary>A sum or product of widths; what is larger than any text counts as unbounded.</summary>
    protected static int Width(long width) => (int)Math.Min(width, int.MaxValue);
}

/// <summary>One code point of a set.</summary>
internal sealed record SetNode(CodePointSet Set) : PatternNode
{
    public override int MinWidth => 1;

    public override int MaxWidth => 1;

    public override CodePointSet? First => Set;
}

internal sealed record SequenceNode(IReadOnlyList<PatternNode> Items) : PatternNode
{
    public override int MinWidth { get; } = Width(Items.Sum(i => (long)i.MinWidth));

    public override int MaxWidth { get; } = Width(Items.Sum(i => (long)i.MaxWidth));

    public override CodePointSet? First
    {
        get
        {
            var ranges = new CodePointRanges();
            foreach (var item in Items)
            {
                if (item is AssertionNode or LookNode) continue;
                if (item.First is not { } first) return null;
                ranges.Add(first);
                if (item.MinWidth > 0) return ranges.ToSet();
            }

            return null;
        }
    }
}

internal sealed record AlternationNode(IReadOnlyList<PatternNode> Choices) : PatternNode
{
    /// <summary>What longer lists start with is not worked out: that would take more than it saves.</summary>
    public const int MostLookedAt = 64;

    public override int MinWidth { get; } = Choices.Min(c => c.MinWidth);

    public override int MaxWidth { get; } = Choices.Max(c => c.MaxWidth);

    public override CodePointSet? First
    {
        get
        {
            if (Choices.Count > MostLookedAt) return null;
            var ranges = new CodePointRanges();
            foreach (var choice in Choices)
            {
                if (choice.First is not { } first) return null;
                ranges.Add(first);
            }

            return ranges.ToSet();
        }
    }
}

internal enum RepeatKind
{
    Greedy,
    Lazy,
}

internal sealed record RepeatNode(PatternNode Body, int Min, int Max, RepeatKind Kind) : PatternNode
{
    public override int MinWidth { get; } = Width((long)Body.MinWidth * Min);

    public override int MaxWidth { get; } = Max == int.MaxValue && Body.MaxWidth > 0 ? int.MaxValue : Width((long)Body.MaxWidth * Max);

    public override CodePointSet? First => Body.First;
}

/// <summary>A match that is not reconsidered once found.</summary>
internal sealed record AtomicNode(PatternNode Body) : PatternNode
{
    public override int MinWidth => Body.MinWidth;

    public override int MaxWidth => Body.MaxWidth;

    public override CodePointSet? First => Body.First;
}

internal sealed record LookNode(PatternNode Body, bool Behind, bool Negated) : PatternNode
{
    public override int MinWidth => 0;

    public override int MaxWidth => 0;

    public override CodePointSet? First => null;
}

internal enum Assertion
{
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    TextEndOrLastLineEnd,
    WordBoundary,
    NotWordBoundary,
    SearchStart,
}

internal sealed record AssertionNode(Assertion Kind) : PatternNode
{
    public override int MinWidth => 0;

    public override int MaxWidth => 0;

    public override CodePointSet? First => null;
}
