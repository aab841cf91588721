using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>What the methods on deltas do with them, with whole tensors, sorts, and one random number at a time.</summary>
internal static class DeltaFormulas
{
    /// <summary>Weighs the deltas, with or without the sign election of TIES, and adds them.</summary>
    public static double[] Combine(double[][] deltas, double[] weights, bool elect, bool normalize, double lambda = 1) =>
        Elements(deltas[0].Length, i =>
        {
            var weighted = deltas.Select((delta, m) => weights[m] * delta[i]).ToArray();
            var positive = weighted.Sum() >= 0;
            var taking = Enumerable.Range(0, deltas.Length).Where(m => !elect || (positive ? weighted[m] > 0 : weighted[m] < 0)).ToList();
            var divisor = normalize ? taking.Sum(m => weights[m]) : 1;
            return lambda * taking.Sum(m => weighted[m]) / (Math.Abs(divisor) < 1e-8 ? 1 : divisor);
        });

    /// <summary>As <see cref="Combine"/>, with the election of the TIES paper.</summary>
    public static double[] CombineByPaper(double[][] deltas, double[] weights)
    {
        var sums = Elements(deltas[0].Length, i => deltas.Sum(delta => delta[i]));
        var majority = sums.Sum(Math.Sign) < 0 ? -1 : 1;
        return Elements(sums.Length, i =>
        {
            var sign = sums[i] == 0 ? majority : Math.Sign(sums[i]);
            var taking = Enumerable.Range(0, deltas.Length).Where(m => Math.Sign(deltas[m][i]) == sign).ToList();
            return taking.Count == 0 ? 0 : taking.Sum(m => weights[m] * deltas[m][i]) / taking.Sum(m => weights[m]);
        });
    }

    /// <summary>The delta without its largest and smallest elements.</summary>
    public static double[] Breadcrumbs(double[] delta, double density, double gamma)
    {
        var (kept, top) =
            (gamma == 0 ? Math.Max(1, (int)(density * delta.Length)) : (int)(density * delta.Length), (int)(gamma * delta.Length));
        top = Math.Min(top, delta.Length - kept);
        var places = Enumerable.Range(0, delta.Length)
            .OrderByDescending(i => Math.Abs((float)delta[i]))
            .ThenBy(i => i)
            .Skip(top)
            .Take(kept)
            .ToHashSet();
        return Elements(delta.Length, i => places.Contains(i) ? delta[i] : 0);
    }

    /// <summary>The delta with elements dropped by the rank in their row, and its L1 norm restored.</summary>
    public static double[] Della(
        double[] delta, long[] shape, double density, double epsilon, string tensor, int model, bool byProbability = false, long seed = 0)
    {
        var length = (int)(shape.Length < 2 ? delta.Length : shape[^1]);
        var masked = new double[delta.Length];
        for (var row = 0; row < delta.Length; row += length)
        {
            var ascending = Enumerable.Range(row, length).OrderBy(i => Math.Abs((float)delta[i])).ThenByDescending(i => i).ToList();
            for (var rank = 1; rank <= length; rank++)
            {
                var probability = length == 1 ? density : density - epsilon + ((rank - 1) / (length - 1.0) * (2 * epsilon));
                var element = ascending[rank - 1];
                masked[element] = IsKept(seed, tensor, model, element, (float)probability)
                    ? delta[element] / (byProbability ? (float)probability : 1)
                    : 0;
            }
        }

        if (byProbability)
            return masked;
        var (before, after) = (delta.Sum(Math.Abs), masked.Sum(Math.Abs));
        var scale = before < 1e-7 || after < 1e-7 ? 1 : before / after;
        return Array.ConvertAll(masked, value => value * scale);
    }

    private static bool IsKept(long seed, string tensor, int model, long element, float probability)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}\n{model}\n{tensor}"));
        var (key0, key1) = (BinaryPrimitives.ReadUInt32LittleEndian(hash), BinaryPrimitives.ReadUInt32LittleEndian(hash.AsSpan(4)));

        // Element 64·g + 32·v + 4·l + h: 16-bit part h of word pair v of counter 8·g + l.
        var (group, within) = (element / 64, element % 64);
        var counter = (ulong)((8 * group) + (within % 32 / 4));
        var number = RandomNumbers.Plain(
            [(uint)counter, (uint)(counter >> 32), 0, 0],
            key0,
            key1)[(within / 32 * 2) + (within % 4 / 2)] >> (int)(within % 2 * 16) & 0xFFFF;
        var whole = Math.Floor(probability * 65536.0);
        return number < whole || (number == whole
            && RandomNumbers.Plain(
                [(uint)element, (uint)((ulong)element >> 32), 1, 0], key0, key1)[0] / 4294967296.0 < (probability * 65536.0) - whole);
    }

    private static double[] Elements(int count, Func<int, double> element) => [.. Enumerable.Range(0, count).Select(element)];
}
