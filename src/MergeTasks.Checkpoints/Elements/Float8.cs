namespace MergeTasks.Checkpoints.Elements;

/// <summary>
/// The two 8-bit floating-point formats of the OCP 8-bit Floating Point Specification (OFP8, revision 1.0):
/// E5M2 follows IEEE 754 conventions, E4M3 has no infinities and one NaN pattern per sign.
/// </summary>
internal sealed class Float8
{
    public static readonly Float8 E4M3 = new(mantissaBits: 3, bias: 7, hasInfinity: false);
    public static readonly Float8 E5M2 = new(mantissaBits: 2, bias: 15, hasInfinity: true);

    private readonly float[] _values = new float[256];
    private readonly int _mantissaBits;
    private readonly int _minExponent;
    private readonly int _overflow;

    private Float8(int mantissaBits, int bias, bool hasInfinity)
    {
        _mantissaBits = mantissaBits;
        _minExponent = 1 - bias;
        _overflow = hasInfinity ? 0x7C : 0x7F;
        for (var code = 0; code < 256; code++)
            _values[code] = (code & 0x80) == 0 ? Magnitude(code, bias, hasInfinity) : -Magnitude(code & 0x7F, bias, hasInfinity);
    }

    public void ToSingle(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < source.Length; i++)
            destination[i] = _values[source[i]];
    }

    public void FromSingle(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (var i = 0; i < source.Length; i++)
            destination[i] = (byte)(Encode(MathF.Abs(source[i])) | (float.IsNegative(source[i]) ? 0x80 : 0));
    }

    private float Magnitude(int code, int bias, bool hasInfinity)
    {
        var exponent = code >> _mantissaBits;
        var mantissa = code & ((1 << _mantissaBits) - 1);
        if (hasInfinity && code >= 0x7C)
            return code == 0x7C ? float.PositiveInfinity : float.NaN;
        if (!hasInfinity && code == 0x7F)
            return float.NaN;
        return exponent == 0
            ? MathF.ScaleB(mantissa, 1 - bias - _mantissaBits)
            : MathF.ScaleB((1 << _mantissaBits) + mantissa, exponent - bias - _mantissaBits);
    }

    private int Encode(float magnitude)
    {
        if (float.IsNaN(magnitude))
            return 0x7F;
        if (float.IsInfinity(magnitude))
            return _overflow;

        // Codes count up with magnitude, so the code is the number of quanta, and rounding up across a binade needs no special case.
        var exponent = magnitude == 0 ? _minExponent : Math.Max(MathF.ILogB(magnitude), _minExponent);
        var quanta = (long)MathF.Round(MathF.ScaleB(magnitude, _mantissaBits - exponent), MidpointRounding.ToEven);
        var code = quanta + ((long)(exponent - _minExponent) << _mantissaBits);
        return (int)Math.Min(code, _overflow);
    }
}
