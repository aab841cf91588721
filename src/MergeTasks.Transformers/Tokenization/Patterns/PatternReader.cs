using System.Text;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>Walks over a pattern by code points.</summary>
internal sealed class PatternReader
{
    // Far more than patterns have, far fewer than the thread's stack bears.
    private const int MostLevels = 100;

    // What is brought together in brackets takes some sixty bytes for each; one class of letters has 700.
    private const int MostRanges = 1_000_000;

    private readonly string _pattern;
    private readonly int[] _codePoints;
    private int _position;
    private int _level;
    private int _ranges;

    public PatternReader(string pattern)
    {
        _pattern = pattern;
        _codePoints = [.. pattern.EnumerateRunes().Select(r => r.Value)];
    }

    public bool AtEnd => _position == _codePoints.Length;

    /// <summary>The next code point; only where there is one.</summary>
    public int Peek => _codePoints[_position];

    public int Take() => AtEnd ? throw Error("an end where more is needed") : _codePoints[_position++];

    public bool TryTake(char expected) => TryTake(expected.ToString());

    public bool TryTake(string expected)
    {
        if (!StartsWith(expected)) return false;
        _position += expected.Length;
        return true;
    }

    public bool StartsWith(string expected)
    {
        if (_position + expected.Length > _codePoints.Length) return false;
        for (var i = 0; i < expected.Length; i++)
        {
            if (_codePoints[_position + i] != expected[i]) return false;
        }

        return true;
    }

    public string TakeUntil(char end, string what)
    {
        var text = new StringBuilder();
        while (!AtEnd)
        {
            var c = Take();
            if (c == end) return text.ToString();
            text.Append(char.ConvertFromUtf32(c));
        }

        throw Error($"{what} without its '{end}'");
    }

    /// <summary>Reads up to <paramref name="most"/> digits of a base; the text read is empty where there are none.</summary>
    public string TakeDigits(int most, bool hexadecimal)
    {
        var start = _position;
        while (!AtEnd
            && _position - start < most
            && Peek < 0x80
            && (hexadecimal ? char.IsAsciiHexDigit((char)Peek) : Peek is >= '0' and <= '7'))
            _position++;
        return string.Concat(_codePoints[start.._position].Select(c => (char)c));
    }

    /// <summary>Reads <c>* + ? {n} {n,} {,m} {n,m}</c>. Braces that hold anything else are ordinary characters.</summary>
    public bool TryTakeQuantifier(out int min, out int max, out bool isBraces)
    {
        (min, max, isBraces) = (0, int.MaxValue, false);
        if (TryTake('*')) return true;
        if (TryTake('+'))
        {
            min = 1;
            return true;
        }

        if (TryTake('?'))
        {
            max = 1;
            return true;
        }

        if (AtEnd || Peek != '{') return false;
        var saved = _position++;
        var low = Number();
        var comma = TryTake(',');
        var high = comma ? Number() : low;
        if (!TryTake('}') || (low is null && high is null))
        {
            _position = saved;
            return false;
        }

        isBraces = true;
        min = low ?? 0;
        max = high ?? int.MaxValue;
        return min <= max ? true : throw Error($"the range '{{{min},{max}}}', whose start exceeds its end");
    }

    /// <summary>Begins a group or bracket; disposing of the result ends it.</summary>
    public Level Enter() => ++_level <= MostLevels ? new Level(this) : throw Error($"groups or brackets more than {MostLevels} deep");

    /// <summary>Counts ranges of code points that brackets have to bring together.</summary>
    public void CountRanges(int count)
    {
        _ranges += count;
        if (_ranges > MostRanges) throw Error("classes in brackets of too many ranges in all");
    }

    public PatternSyntaxException Error(string what) => new($"the pattern '{_pattern}' has {what} (near character {_position})");

    private int? Number()
    {
        var value = -1;
        while (!AtEnd && Peek is >= '0' and <= '9') value = Math.Min(Math.Max(value, 0) * 10 + Take() - '0', 1_000_000);
        return value < 0 ? null : value;
    }

    /// <summary>A group or bracket that is being read.</summary>
    internal readonly struct Level(PatternReader reader) : IDisposable
    {
        public void Dispose() => reader._level--;
    }
}
