using System.Collections.Concurrent;

namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>Named sets of code points: general categories, derived properties, scripts.</summary>
internal static class UnicodeSets
{
    private static readonly Lazy<Dictionary<string, List<(int First, int Last)>>> Ranges = new(Load);

    private static readonly ConcurrentDictionary<string, CodePointSet> Sets = new(StringComparer.Ordinal);

    /// <summary>White_Space of the Unicode Character Database (unchanged since version 6.3).</summary>
    public static CodePointSet WhiteSpace { get; } = CodePointSet.OfRanges(
        [(9, 13), (32, 32), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
            (0x205F, 0x205F), (0x3000, 0x3000)]);

    /// <summary>Characters of words as UTS #18 defines them: alphabetic, marks, decimal digits and connectors.</summary>
    public static CodePointSet Word { get; } = Union("Alphabetic", "M", "Nd", "Pc");

    /// <summary><see cref="Word"/> with the join controls, which UTS #18 adds.</summary>
    public static CodePointSet WordWithJoiners { get; } = Word.Union(CodePointSet.Range(0x200C, 0x200D));

    public static CodePointSet Union(params ReadOnlySpan<string> names)
    {
        var result = CodePointSet.Empty;
        foreach (var name in names) result = result.Union(Get(name));
        return result;
    }

    /// <summary>A table's set, or a category or group of categories (<c>Lu</c>, <c>L</c>).</summary>
    public static CodePointSet Get(string name) => Find(name) ?? throw new InvalidOperationException($"No Unicode set '{name}'.");

    public static CodePointSet? Find(string name)
    {
        if (Sets.TryGetValue(name, out var known)) return known;
        var set = Build(name);
        return set is null ? null : Sets.GetOrAdd(name, set);
    }

    private static CodePointSet? Build(string name)
    {
        var tables = Ranges.Value;
        if (tables.TryGetValue(name, out var ranges) || tables.TryGetValue("sc=" + name, out ranges)) return CodePointSet.OfRanges(ranges);
        if (name == "Cs") return CodePointSet.Range(0xD800, 0xDFFF);
        if (name == "Cn")
        {
            var assigned = tables.Where(t => t.Key.StartsWith("gc=", StringComparison.Ordinal)).SelectMany(t => t.Value);
            return CodePointSet.OfRanges(assigned).Union(Get("Cs")).Complement();
        }

        if (name == "C") return Union("Cc", "Cf", "Co", "Cn", "Cs");
        if (tables.TryGetValue("gc=" + name, out ranges)) return CodePointSet.OfRanges(ranges);
        var members = name.Length == 1
            ? tables.Where(t => t.Key.Length == 5 && t.Key.StartsWith("gc=" + name, StringComparison.Ordinal)).SelectMany(t => t.Value)
            : [];
        var group = CodePointSet.OfRanges(members);
        return group.IsEmpty ? null : group;
    }

    private static Dictionary<string, List<(int First, int Last)>> Load()
    {
        var sets = new Dictionary<string, List<(int First, int Last)>>(StringComparer.Ordinal);
        List<(int First, int Last)> current = [];
        foreach (var line in UnicodeResource.Lines("CodePointSets.txt"))
        {
            if (line[0] == ' ') current.AddRange(UnicodeResource.Ranges(line));
            else sets.Add(line, current = []);
        }

        return sets;
    }
}
