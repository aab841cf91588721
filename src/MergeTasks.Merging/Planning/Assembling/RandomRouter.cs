using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MergeTasks.Methods.Random;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>Routers to begin a training with: normally distributed numbers, by seed and name, everywhere the same.</summary>
internal static class RandomRouter
{
    private const double Range = 4294967296;

    /// <summary>Draws numbers (Box and Muller 1958).</summary>
    /// <param name="seed">The merge's seed.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="count">How many.</param>
    /// <param name="deviation">Their standard deviation.</param>
    public static float[] Draw(long seed, string name, int count, double deviation)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{seed}\n{name}")));
        var numbers = new MersenneTwister(BinaryPrimitives.ReadUInt32LittleEndian(hash));
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            var (radius, angle) = ((numbers.Next() + 1) / Range, numbers.Next() / Range);
            values[i] = (float)(deviation * Math.Sqrt(-2 * Math.Log(radius)) * Math.Cos(2 * Math.PI * angle));
        }

        return values;
    }
}
