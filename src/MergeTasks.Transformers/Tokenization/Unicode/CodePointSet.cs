namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>An immutable set of Unicode code points with constant-time membership in the basic plane.</summary>
internal sealed class CodePointSet
{
    private const int Limit = 0x110000;

    /// <summary>Positions where membership changes, ascending: in from the first, out from the second, and so on.</summary>
    private readonly int[] _edges;

    // Sets of a few ranges, which patterns have thousands of, do without.
    private const int MostEdgesWithout = 8;

    private readonly ulong[]? _basicPlane;

    private CodePointSet(int[] edges)
    {
        _edges = edges;
        if (edges.Length <= MostEdgesWithout) return;
        _basicPlane = new ulong[0x10000 / 64];
        for (var i = 0; i < edges.Length && edges[i] < 0x10000; i += 2)
        {
            var end = Math.Min(edges[i + 1], 0x10000);
            for (var c = edges[i]; c < end; c++) _basicPlane[c >> 6] |= 1UL << (c & 63);
        }
    }

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet All { get; } = new([0, Limit]);

    public bool IsEmpty => _edges.Length == 0;

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
        if (_basicPlane is null) return IsWithin(codePoint);
        if ((uint)codePoint < 0x10000) return (_basicPlane[codePoint >> 6] >> (codePoint & 63) & 1) != 0;
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

    public CodePointSet Complement()
    {
        IEnumerable<int> edges = _edges;
        edges = _edges.Length > 0 && _edges[0] == 0 ? edges.Skip(1) : edges.Prepend(0);
        edges = _edges.Length > 0 && _edges[^1] == Limit ? edges.SkipLast(1) : edges.Append(Limit);
        return new([.. edges]);
    }

    public CodePointSet Intersect(CodePointSet other) => Complement().Union(other.Complement()).Complement();

    public CodePointSet Except(CodePointSet other) => Intersect(other.Complement());
}
