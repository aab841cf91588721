using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MergeTasks.Caching.Tests;

public sealed class Checksums
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(1000)]
    public void Are_the_sums_to_the_fourth_order_in_eight_lanes(int length)
    {
        var bytes = Bytes(length);
        var padded = new byte[(length + 31) / 32 * 32];
        bytes.CopyTo(padded, 0);
        var sums = new ulong[4 * 8];
        for (var word = 0; word < padded.Length / 4; word++)
        {
            var added = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(padded.AsSpan(word * 4));
            for (var order = 0; order < 4; order++)
                added = sums[(order * 8) + (word % 8)] += added;
        }

        var text = new byte[(4 * 8 * 8) + 8];
        for (var i = 0; i < sums.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(text.AsSpan(i * 8), sums[i]);
        BinaryPrimitives.WriteInt64LittleEndian(text.AsSpan(sums.Length * 8), length);
        Assert.Equal(SHA256.HashData(text), Of(bytes));
    }

    [Fact]
    public void Do_not_depend_on_where_bytes_are_cut()
    {
        var bytes = Bytes(5000);
        var random = new Random(1);
        var sums = new FourthOrderSums();
        for (var attempt = 0; attempt < 50; attempt++)
        {
            for (var position = 0; position < bytes.Length;)
            {
                var count = Math.Min(random.Next(100), bytes.Length - position);
                sums.Append(bytes.AsSpan(position, count));
                position += count;
            }

            var actual = new byte[32];
            sums.Finish(actual);
            Assert.Equal(Of(bytes), actual);
        }
    }

    [Fact]
    public void Tell_every_flipped_bit_exchanged_word_and_cut_tail()
    {
        var bytes = Bytes(700);
        var seen = new HashSet<string> { Convert.ToHexString(Of(bytes)) };
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(seen.Add(Convert.ToHexString(Of(bytes))));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (var word = 0; word + 64 <= bytes.Length; word += 4)
        {
            var exchanged = bytes.ToArray();
            bytes.AsSpan(word, 4).CopyTo(exchanged.AsSpan(word + 32));
            bytes.AsSpan(word + 32, 4).CopyTo(exchanged.AsSpan(word));
            Assert.True(seen.Add(Convert.ToHexString(Of(exchanged))));
        }

        // Also where only zeros are added or cut off.
        var zeros = new byte[700];
        for (var length = 0; length <= zeros.Length; length++)
            Assert.True(seen.Add(Convert.ToHexString(Of(zeros[..length]))));
    }

    private static byte[] Of(byte[] bytes)
    {
        var sums = new FourthOrderSums();
        sums.Append(bytes);
        var result = new byte[32];
        sums.Finish(result);
        return result;
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
