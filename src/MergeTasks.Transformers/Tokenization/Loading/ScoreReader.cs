namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>
/// Reads the scores of a Unigram vocabulary with the last-bit errors of the reference implementation's number parser, which takes the
/// digits as an integer, rounds that, and scales it by a power of ten. Divisions that score the same but for rounding are common
/// ("==" and "=" in either order), so the last bit decides ids.
/// </summary>
internal static class ScoreReader
{
    public static double Read(ReadOnlySpan<char> number)
    {
        var isNegative = number[0] == '-';
        if (isNegative) number = number[1..];
        var exponentAt = number.IndexOfAny('e', 'E');
        var exponent = exponentAt < 0 ? 0 : Exponent(number[(exponentAt + 1)..]);
        ulong digits = 0;
        var isFraction = false;
        var isFull = false;
        foreach (var c in exponentAt < 0 ? number : number[..exponentAt])
        {
            if (c == '.')
            {
                isFraction = true;
                continue;
            }

            // Digits beyond 64 bits only count by their place.
            var digit = (ulong)(c - '0');
            isFull |= digits > (ulong.MaxValue - digit) / 10;
            if (!isFull) digits = digits * 10 + digit;
            if (isFraction && !isFull) exponent--;
            else if (!isFraction && isFull) exponent++;
        }

        return isNegative ? -Scale(digits, exponent) : Scale(digits, exponent);
    }

    // Beyond all integers a number is infinite, or nothing, whatever its digits.
    private static int Exponent(ReadOnlySpan<char> text) =>
        int.TryParse(text, out var exponent) ? Math.Clamp(exponent, int.MinValue / 2, int.MaxValue / 2)
            : text[0] == '-' ? int.MinValue / 2
            : int.MaxValue / 2;

    private static double Scale(double value, int exponent)
    {
        const int Largest = 308;
        for (; value != 0 && exponent < -Largest; exponent += Largest) value /= Power(Largest);
        if (exponent > Largest) return value == 0 ? 0 : double.PositiveInfinity;
        return exponent >= 0 ? value * Power(exponent) : value / Power(-exponent);
    }

    private static double Power(int exponent) =>
        double.Parse(
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"1e{exponent}"),
            System.Globalization.CultureInfo.InvariantCulture);
}
