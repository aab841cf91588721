using System.Globalization;

namespace MergeTasks.Language.Options;

/// <summary>Sizes as people write them.</summary>
internal static class ByteSize
{
    private static readonly (string Suffix, long Factor)[] Units =
    [
        ("KIB", 1L << 10), ("MIB", 1L << 20), ("GIB", 1L << 30), ("TIB", 1L << 40),
        ("KB", 1000), ("MB", 1000_000), ("GB", 1000_000_000), ("TB", 1000_000_000_000),
        ("K", 1000), ("M", 1000_000), ("G", 1000_000_000), ("T", 1000_000_000_000), ("", 1),
    ];

    /// <summary>
    /// Bytes of texts such as <c>5GB</c>, <c>512MiB</c>, <c>800M</c> or <c>1000000</c>; <see langword="null"/> for anything else
    /// (<c>5B</c> too: bytes to some, billions to others).
    /// </summary>
    public static long? Parse(string text)
    {
        var upper = text.Trim().ToUpperInvariant();
        var (suffix, factor) = Units.First(unit => upper.EndsWith(unit.Suffix, StringComparison.Ordinal));
        var number = upper[..^suffix.Length];
        return decimal.TryParse(
            number, NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var value)
            && value <= long.MaxValue / factor ? (long)(value * factor) : null;
    }

    /// <summary>A size as one would write it, in the largest unit of which it is a whole number: <c>5GB</c>, <c>20GiB</c>.</summary>
    public static string Written(long bytes)
    {
        var (suffix, factor) = bytes == 0 ? ("", 1) : Units.Where(unit => bytes % unit.Factor == 0).MaxBy(unit => unit.Factor);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / factor}{suffix.Replace("IB", "iB", StringComparison.Ordinal)}");
    }

    /// <summary>A size for people: <c>4.5 MB</c>.</summary>
    public static string Format(long bytes) => bytes switch
    {
        >= 1000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
        >= 1000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        >= 1000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"),
    };
}
