namespace MergeTasks.Numerics.Optimizing;

/// <summary>
/// A sequence of random numbers that is the same on every machine and in every version of the runtime: SplitMix64 (Steele, Lea and Flood
/// 2014, "Fast splittable pseudorandom number generators").
/// </summary>
/// <param name="seed">What decides the sequence.</param>
internal sealed class UniformNumbers(long seed)
{
    private ulong _state = (ulong)seed;

    /// <summary>The sequence that belongs to two numbers.</summary>
    public static UniformNumbers Of(long seed, long place) => new(unchecked((long)(new UniformNumbers(seed).Bits() + (ulong)place)));

    /// <summary>The next number, from 0 to below 1, of 53 bits.</summary>
    public double Next() => (Bits() >> 11) * (1.0 / (1L << 53));

    /// <summary>The next whole number below another.</summary>
    public int Below(int end) => (int)(Next() * end);

    /// <summary>The next number of a standard normal distribution (Box and Muller 1958).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Next())) * Math.Cos(2 * Math.PI * Next());

    private ulong Bits()
    {
        var mixed = _state += 0x9E37_79B9_7F4A_7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return mixed ^ (mixed >> 31);
    }
}
