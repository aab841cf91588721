namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>
/// Brings ranges of code points together to one set. A set of every step on the way would cost kilobytes for each, and patterns have
/// thousands of steps.
/// </summary>
internal sealed class CodePointRanges
{
    // Many times what a set can have, so that seldom is anything brought together before the end.
    private const int Most = 1 << 14;

    // Classes are sets that are made once, and come again and again.
    private readonly HashSet<CodePointSet> _added = new(ReferenceEqualityComparer.Instance);

    private List<(int First, int Last)> _ranges = [];

    // The set of all, while that is one which was added.
    private CodePointSet? _only;

    /// <summary>How many ranges there are to bring together.</summary>
    public int Count => _ranges.Count;

    /// <summary>Adds a range.</summary>
    public void Add(int first, int last)
    {
        _only = null;
        _ranges.Add((first, last));
    }

    /// <summary>Adds a set.</summary>
    public void Add(CodePointSet set)
    {
        if (!_added.Add(set)) return;
        _only = _ranges.Count == 0 ? set : null;
        _ranges.AddRange(set.Ranges);
        if (_ranges.Count > Most) _ranges = [.. ToSet().Ranges];
    }

    /// <summary>The set of all that was added.</summary>
    public CodePointSet ToSet() => _only ?? CodePointSet.OfRanges(_ranges);
}
