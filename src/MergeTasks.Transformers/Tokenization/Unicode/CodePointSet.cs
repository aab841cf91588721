namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>An immutable set of Unicode code points with constant-time membership in the basic plane.</summary>
internal sealed class CodePointSet
{
    private const int Limit = 0x110000;

    /// <summary>Positions where membership changes, ascending: in from the first, out from the second, and so on.</summary>
    private readonly int[] _edges;

    // Sets of a few ranges, which patterns have thousands of, do without.
    private const int MostEdgesWithout = 8;

    // Made when a character is first looked for: most sets are only steps on the way to another.
    private ulong[]? _basicPlane;

    // Patterns may name the complement of a class thousands of times.
    private CodePointSet? _complement;

    private CodePointSet(int[] edges) => _edges = edges;

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet All { get; } = new([0, Limit]);

    public bool IsEmpty => _edges.Length == 0;

    /// <summary>How many ranges it has.</summary>
    public int Count => _edges.Length / 2;

    /// <summary>The inclusive ranges, ascending and not adjoining.</summary>
    public IEnumerable<(int First, int Last)> Ranges
    {
        get
        {
            for (var i = 0; i < _edges.Length; i += 2) yield return (_edges[i], _edges[i + 1] - 1);
        }
    }

    public static CodePointSet Of(int codePoint) => new([codePoint, codePoint + 1]);

    public static CodePointSet Range(int first, int last) => new([first, last + 1]);

    public static CodePointSet OfRanges(IEnumerable<(int First, int Last)> ranges)
    {
        var edges = new List<int>();
        foreach (var (first, last) in ranges.OrderBy(r => r.First))
        {
            if (edges.Count > 0 && first <= edges[^1]) edges[^1] = Math.Max(edges[^1], last + 1);
            else edges.AddRange([first, last + 1]);
        }

        return new([.. edges]);
    }

    public bool Contains(int codePoint)
    {
        var plane = _basicPlane;
        if (plane is null)
        {
            if (_edges.Length <= MostEdgesWithout) return IsWithin(codePoint);
            plane = BasicPlane();
        }

        if ((uint)codePoint < 0x10000) return (plane[codePoint >> 6] >> (codePoint & 63) & 1) != 0;
        var at = Array.BinarySearch(_edges, codePoint);
        return at >= 0 ? (at & 1) == 0 : (~at & 1) == 1;
    }

    private bool IsWithin(int codePoint)
    {
        var isWithin = false;
        foreach (var edge in _edges)
        {
            if (codePoint < edge) return isWithin;
            isWithin = !isWithin;
        }

        return isWithin;
    }

    public CodePointSet Union(CodePointSet other) => OfRanges(Ranges.Concat(other.Ranges));

    public CodePointSet Complement() => _complement ??= Complemented();

    private CodePointSet Complemented()
    {
        var (hasFirst, hasLast) = (_edges.Length > 0 && _edges[0] == 0, _edges.Length > 0 && _edges[^1] == Limit);
        var inner = _edges.AsSpan()[(hasFirst ? 1 : 0)..^(hasLast ? 1 : 0)];
        return new([.. hasFirst ? [] : (ReadOnlySpan<int>)[0], .. inner, .. hasLast ? [] : (ReadOnlySpan<int>)[Limit]]);
    }

    public CodePointSet Intersect(CodePointSet other)
    {
        var edges = new List<int>();
        for (int mine = 0, its = 0; mine < _edges.Length && its < other._edges.Length;)
        {
            var (first, end) = (Math.Max(_edges[mine], other._edges[its]), Math.Min(_edges[mine + 1], other._edges[its + 1]));
            if (first < end) edges.AddRange([first, end]);
            if (_edges[mine + 1] == end) mine += 2;
            if (other._edges[its + 1] == end) its += 2;
        }

        return new([.. edges]);
    }

    // Threads that make it at once make the same.
    private ulong[] BasicPlane()
    {
        var plane = new ulong[0x10000 / 64];
        for (var i = 0; i < _edges.Length && _edges[i] < 0x10000; i += 2)
        {
            var end = Math.Min(_edges[i + 1], 0x10000);
            for (var c = _edges[i]; c < end; c++) plane[c >> 6] |= 1UL << (c & 63);
        }

        Volatile.Write(ref _basicPlane, plane);
        return plane;
    }
}
