namespace MergeTasks.Methods.Random;

/// <summary>The one random generator of a merge in compatibility mode, found at any place of its sequence.</summary>
/// <param name="seed">Its seed.</param>
internal sealed class DrawSequence(long seed)
{
    private MersenneTwister _generator = new((uint)seed);
    private long _position;

    /// <summary>A generator whose next number is number <paramref name="offset"/> of the sequence. Cheapest where offsets grow.</summary>
    public MersenneTwister At(long offset)
    {
        if (offset < _position)
            (_generator, _position) = (new MersenneTwister((uint)seed), 0);
        _generator.Skip(offset - _position);
        _position = offset;
        return _generator.Clone();
    }
}
