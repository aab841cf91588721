namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>Decomposition mappings and combining classes, from the embedded table.</summary>
internal sealed class NormalizationData
{
    private readonly Dictionary<int, int[]> _canonical = [];
    private readonly Dictionary<int, int[]> _compatibility = [];
    private readonly Dictionary<(int First, int Second), int> _compositions = [];
    private readonly Dictionary<int, byte> _combiningClasses = [];

    private NormalizationData()
    {
        byte combiningClass = 0;
        foreach (var line in UnicodeResource.Lines("Decompositions.txt"))
        {
            if (line.StartsWith("ccc=", StringComparison.Ordinal)) combiningClass = byte.Parse(line.AsSpan(4));
            else if (line[0] == ' ') AddCombining(line, combiningClass);
            else AddMapping(line);
        }
    }

    public static NormalizationData Instance { get; } = new();

    public int CombiningClass(int codePoint) => _combiningClasses.GetValueOrDefault(codePoint);

    /// <summary>One step of decomposition, or null where the code point stands for itself.</summary>
    public int[]? Decompose(int codePoint, bool compatibility) =>
        _canonical.TryGetValue(codePoint, out var targets) || (compatibility && _compatibility.TryGetValue(codePoint, out targets))
            ? targets
            : null;

    /// <summary>The primary composite of two code points, or -1.</summary>
    public int Compose(int first, int second) => _compositions.GetValueOrDefault((first, second), -1);

    private void AddCombining(string line, byte combiningClass)
    {
        foreach (var (first, last) in UnicodeResource.Ranges(line))
        {
            for (var c = first; c <= last; c++) _combiningClasses[c] = combiningClass;
        }
    }

    private void AddMapping(string line)
    {
        var equals = line.IndexOf('=', StringComparison.Ordinal);
        var (first, last) = UnicodeResource.Range(line.AsSpan(2, equals - 2));
        var targets = line[(equals + 1)..].Split(' ').Select(t => UnicodeResource.Hex(t)).ToArray();
        var mappings = line[0] == 'K' ? _compatibility : _canonical;
        for (var c = first; c <= last; c++)
        {
            mappings[c] = first == last ? targets : [targets[0] + c - first];
            if (line[0] == 'C' && targets.Length == 2) _compositions[(targets[0], targets[1])] = c;
        }
    }
}
