using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>A pattern's syntax tree. Widths count code points; an unbounded width is <see cref="int.MaxValue"/>.</summary>
internal abstract record PatternNode
{
    /// <summary>The fewest code points that a match can take.</summary>
    public abstract int MinWidth { get; }

    /// <summary>The most code points that a match can take.</summary>
    public abstract int MaxWidth { get; }

    /// <summary>What a non-empty match can start with, or null where nothing is known.</summary>
    public abstract CodePointSet? First { get; }
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
    public override int MinWidth => Items.Sum(i => i.MinWidth);

    public override int MaxWidth => Items.Any(i => i.MaxWidth == int.MaxValue) ? int.MaxValue : Items.Sum(i => i.MaxWidth);

    public override CodePointSet? First
    {
        get
        {
            var set = CodePointSet.Empty;
            foreach (var item in Items)
            {
                if (item is AssertionNode or LookNode) continue;
                if (item.First is not { } first) return null;
                set = set.Union(first);
                if (item.MinWidth > 0) return set;
            }

            return null;
        }
    }
}

internal sealed record AlternationNode(IReadOnlyList<PatternNode> Choices) : PatternNode
{
    public override int MinWidth => Choices.Min(c => c.MinWidth);

    public override int MaxWidth => Choices.Max(c => c.MaxWidth);

    public override CodePointSet? First
    {
        get
        {
            var set = CodePointSet.Empty;
            foreach (var choice in Choices)
            {
                if (choice.First is not { } first) return null;
                set = set.Union(first);
            }

            return set;
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
    public override int MinWidth => Body.MinWidth * Min;

    public override int MaxWidth =>
        Max == 0 ? 0 : Max == int.MaxValue || Body.MaxWidth == int.MaxValue ? int.MaxValue : Body.MaxWidth * Max;

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
