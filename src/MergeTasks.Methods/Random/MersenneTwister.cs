namespace MergeTasks.Methods.Random;

/// <summary>
/// The sequential generator MT19937 (Matsumoto and Nishimura 1998) with its classic one-word seeding, as PyTorch uses it on the CPU.
/// For compatibility mode only.
/// </summary>
internal sealed class MersenneTwister
{
    private const int Size = 624;
    private const int Middle = 397;

    private readonly uint[] _state;
    private int _next;

    /// <summary>Seeds the generator.</summary>
    public MersenneTwister(uint seed)
    {
        _state = new uint[Size];
        _state[0] = seed;
        for (uint i = 1; i < Size; i++)
            _state[i] = (1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;
        _next = Size;
    }

    private MersenneTwister(MersenneTwister other) => (_state, _next) = ((uint[])other._state.Clone(), other._next);

    /// <summary>A generator that goes on from the same place.</summary>
    public MersenneTwister Clone() => new(this);

    /// <summary>The next 32 bits.</summary>
    public uint Next()
    {
        if (_next == Size)
            Refill();
        var word = _state[_next++];
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C5680;
        word ^= (word << 15) & 0xEFC60000;
        return word ^ (word >> 18);
    }

    /// <summary>Skips numbers.</summary>
    public void Skip(long count)
    {
        while (count > 0)
        {
            if (_next == Size)
                Refill();
            var step = (int)Math.Min(count, Size - _next);
            _next += step;
            count -= step;
        }
    }

    /// <summary>Sets elements to zero unless a uniform number of 24 bits, one draw each, lies below their probability.</summary>
    public void Keep(ReadOnlySpan<float> probabilities, Span<float> values)
    {
        const float unit = 1f / (1 << 24);
        for (var i = 0; i < values.Length; i++)
        {
            if ((Next() & 0xFF_FFFF) * unit >= probabilities[i])
                values[i] = 0;
        }
    }

    private void Refill()
    {
        for (var i = 0; i < Size; i++)
        {
            var mixed = (_state[i] & 0x8000_0000) | (_state[(i + 1) % Size] & 0x7FFF_FFFF);
            _state[i] = _state[(i + Middle) % Size] ^ (mixed >> 1) ^ ((mixed & 1) * 0x9908_B0DF);
        }

        _next = 0;
    }
}
