using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Random;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>The counter-based generator against its published values, and the masks made of its numbers.</summary>
public sealed class RandomNumbers
{
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(
        0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    public void The_plain_version_gives_the_authors_known_answers(
        uint c0, uint c1, uint c2, uint c3, uint key0, uint key1, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal(new[] { w0, w1, w2, w3 }, Plain([c0, c1, c2, c3], key0, key1));

    [Theory]
    [InlineData(0ul, 0ul)]
    [InlineData(0xFFFF_FFF8ul, 1ul)]
    [InlineData(0x1234_5678_9ABCul, 0ul)]
    public void Lanes_give_what_the_plain_version_gives(ulong counter, ulong stream)
    {
        Span<ushort> parts = stackalloc ushort[Philox.Group];
        new Philox(0xa4093822, 0x299f31d0).Numbers(counter, stream, parts);
        var numbers = MemoryMarshal.Cast<ushort, uint>(parts);
        for (var lane = 0u; lane < 8; lane++)
        {
            var words = Plain([(uint)(counter + lane), (uint)((counter + lane) >> 32), (uint)stream, 0], 0xa4093822, 0x299f31d0);
            var first = 2 * (int)lane;
            uint[] actual = [numbers[first], numbers[first + 1], numbers[16 + first], numbers[16 + first + 1]];
            Assert.Equal(words, actual);
        }
    }

    [Theory]
    [InlineData(0.5f)]
    [InlineData(0.3f)]
    [InlineData(1e-5f)]
    public void Elements_are_kept_where_their_number_lies_below_the_probability(float probability)
    {
        const long start = 64L * 1_000_003;
        const int words = 20_000;
        var kept = new ulong[words];
        new Philox(7, 9).Keep(start, probability, kept);
        var undecided = 0;
        for (var element = 0; element < words * 64; element++)
        {
            // Element 64·g + 32·v + 4·l + h: 16-bit part h of word pair v of counter 8·g + l.
            var (group, within) = ((start + element) / 64, element % 64);
            var counter = (ulong)((8 * group) + (within % 32 / 4));
            var number = Plain(
                [(uint)counter, (uint)(counter >> 32), 0, 0], 7, 9)[(within / 32 * 2) + (within % 4 / 2)] >> (within % 2 * 16) & 0xFFFF;
            var expected = number < Math.Floor(probability * 65536.0);
            if (number == Math.Floor(probability * 65536.0))
            {
                undecided++;
                var index = (ulong)(start + element);
                expected = Plain([(uint)index, (uint)(index >> 32), 1, 0], 7, 9)[0] / 4294967296.0 < (probability * 65536.0) - number;
            }

            Assert.Equal(expected, (kept[element / 64] >> (element % 64) & 1) != 0);
        }

        Assert.InRange(undecided, 5, 50);
        var (wide, half, narrow) = (new ulong[words], new ulong[words], new ulong[words]);
        new Philox(7, 9).Keep<Vector512<ulong>, CounterLanes512>(start, probability, wide);
        new Philox(7, 9).Keep<Vector256<ulong>, CounterLanes256>(start, probability, half);
        new Philox(7, 9).Keep<Vector128<ulong>, CounterLanes128>(start, probability, narrow);
        Assert.Equal(kept, wide);
        Assert.Equal(kept, half);
        Assert.Equal(kept, narrow);
    }

    [Fact]
    public void Bits_that_are_not_set_drop_their_element()
    {
        ulong[] kept = [0x8421_0F0F_3355_AAF1, 0x0000_0000_0000_0016];
        float[] values = [.. Enumerable.Range(1, 70).Select(i => (float)i)];
        KeptBits.Apply(kept, values);
        for (var i = 0; i < values.Length; i++)
            Assert.Equal((kept[i / 64] >> (i % 64) & 1) != 0 ? i + 1 : 0, values[i]);
    }

    // Salmon et al. 2011, section 3.3: two multiplications a round, the key raised by the Weyl constants.
    internal static uint[] Plain(uint[] counter, uint key0, uint key1)
    {
        for (var round = 0; round < 10; round++)
        {
            var product0 = 0xD2511F53ul * counter[0];
            var product1 = 0xCD9E8D57ul * counter[2];
            counter = [
                (uint)(product1 >> 32) ^ counter[1] ^ key0, (uint)product1, (uint)(product0 >> 32) ^ counter[3] ^ key1, (uint)product0
            ];
            (key0, key1) = (key0 + 0x9E3779B9, key1 + 0xBB67AE85);
        }

        return counter;
    }
}
