// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Authorization} from "./Base.sol";
import {Documents} from "../src/Documents.sol";
import {Leg} from "../src/ICash.sol";
import {SignedConsent} from "./Base.sol";
import {Actors} from "./Actors.sol";
import {Deal} from "./Deals.sol";

/// Random people who sign and deliver every kind of movement, good and bad, new and replayed. Each step asks the plain
/// model first what must happen, and reverts where the ledger does otherwise.
abstract contract Movers is Actors {
    /// A signed payment, kept so that it can be delivered again.
    struct SignedPayment {
        address from;
        address to;
        uint256 value;
        uint256 nonce;
        uint256 validBefore;
        bool isGood;
        bytes signature;
    }

    SignedPayment[] private _payments;
    /// Settlements and authorizations delivered before, encoded with whether their signatures are good.
    bytes[] private _deals;
    bytes[] private _authorizations;
    address private _approver;
    address private _spender;

    // ------------------------------------------------------------------------------------------------ ERC-20

    function transfer(uint256 seed) external step {
        _transfer(seed);
    }

    function _transfer(uint256 seed) internal {
        (address from, address to) = (anyone(seed, "from"), payee(seed));
        uint256 value = amount(from, seed);
        bool expected = mayMove(from, to, value);
        vm.prank(from);
        (bool ok,) = address(cash).call(abi.encodeCall(cash.transfer, (to, value)));
        agree("transfer", ok, expected);
        if (ok) move(from, to, value);
    }

    function approve(uint256 seed) external step {
        (_approver, _spender) = (anyone(seed, "owner"), anyone(seed, "spender"));
        uint256 value = allowed(seed);
        vm.prank(_approver);
        cash.approve(_spender, value);
        agree("approve", true, true);
        plainAllowance[_approver][_spender] = value;
    }

    function allowed(uint256 seed) internal view returns (uint256) {
        uint256 kind = roll(seed, "allowance kind") % 3;
        return kind == 0 ? type(uint256).max : roll(seed, "allowance") % (kind == 1 ? 1e4 : 2 ** 95);
    }

    function transferFrom(uint256 seed) external step {
        bool isFresh = _approver == address(0) || isOneIn(5, seed, "fresh");
        (address from, address spender) =
            isFresh ? (anyone(seed, "from"), anyone(seed, "spender")) : (_approver, _spender);
        (address to, uint256 value) = (payee(seed), amount(from, seed));
        uint256 available = plainAllowance[from][spender];
        bool expected = mayMove(from, to, value) && value <= available;
        vm.prank(spender);
        (bool ok,) = address(cash).call(abi.encodeCall(cash.transferFrom, (from, to, value)));
        agree("transferFrom", ok, expected);
        if (!ok) return;
        move(from, to, value);
        if (available != type(uint256).max) plainAllowance[from][spender] = available - value;
    }

    // ------------------------------------------------------------------------------------------------ pay

    function pay(uint256 seed) external step {
        bool isWide = isOneIn(3, seed, "wide");
        uint256 count = 1 + roll(seed, "count") % 4;
        uint256 expected = 0;
        bytes memory items;
        for (uint256 i = 0; i < count; ++i) {
            SignedPayment memory payment = _payment(roll(seed, vm.toString(i)), isWide);
            items = abi.encodePacked(items, _packed(payment, isWide));
            if (!plainPaused && _payPlainly(payment)) ++expected;
        }
        vm.prank(RELAYER);
        (bool ok, bytes memory answer) =
            address(cash).call(isWide ? abi.encodeCall(cash.payWide, (items)) : abi.encodeCall(cash.pay, (items)));
        assertEq(ok, !plainPaused, "pay");
        uint256 paid = ok ? abi.decode(answer, (uint256)) : 0;
        assertEq(paid, expected, "items paid");
        for (uint256 i = 0; i < count; ++i) {
            tally(isWide ? "payWide" : "pay", i < paid);
        }
    }

    /// A new payment, or one that was delivered before.
    function _payment(uint256 seed, bool isWide) private returns (SignedPayment memory payment) {
        if (_payments.length != 0 && isOneIn(6, seed, "replay")) {
            payment = _payments[roll(seed, "which") % _payments.length];
            if (isWide || payment.nonce < 2 ** 56) return payment;
        }
        payment.from = signer(seed, "from");
        payment.to = payee(seed);
        payment.value = amount(payment.from, seed);
        payment.nonce = windowNonce(payment.from, seed);
        if (isWide && !isOneIn(3, seed, "window in wide")) payment.nonce = _wideNonce(seed);
        payment.validBefore = end(seed);
        bool isForged = isOneIn(12, seed, "forged");
        payment.isGood = !isForged && !isSmart(payment.from);
        payment.signature = shortSignatureOf(payment.from, _hash(payment), isForged);
        _payments.push(payment);
    }

    /// Sometimes close to others, so that bits share a word; sometimes a tagged one.
    function _wideNonce(uint256 seed) internal view returns (uint256) {
        uint256 number = roll(seed, "wide nonce");
        if (number % 10 == 0) return uint256(tagged(number % 100));
        return number % 2 == 0 ? 2 ** 56 + (number >> 8) % 600 : number | 2 ** 255;
    }

    function _hash(SignedPayment memory payment) private pure returns (bytes32) {
        return
            Documents.payment(
                payment.from, payment.to, payment.value, bytes32("ref"), payment.nonce, payment.validBefore
            );
    }

    function _packed(SignedPayment memory payment, bool isWide) private pure returns (bytes memory) {
        bytes memory nonce = isWide ? abi.encodePacked(payment.nonce) : abi.encodePacked(uint56(payment.nonce));
        return abi.encodePacked(
            payment.from,
            payment.to,
            uint96(payment.value),
            bytes32("ref"),
            nonce,
            uint40(payment.validBefore),
            payment.signature
        );
    }

    function _payPlainly(SignedPayment memory payment) private returns (bool isPaid) {
        isPaid = payment.isGood && block.timestamp < payment.validBefore
            && mayMove(payment.from, payment.to, payment.value) && isNonceGood(payment.from, payment.nonce);
        if (!isPaid) return false;
        useNonce(payment.from, payment.nonce);
        spend(payment.from, payment.nonce);
        move(payment.from, payment.to, payment.value);
    }

    // ------------------------------------------------------------------------------------------------ settle

    function settle(uint256 seed) external step {
        bool isReplay = _deals.length != 0 && isOneIn(6, seed, "replay");
        if (!isReplay) _deals.push(_newDeal(seed));
        uint256 which = isReplay ? roll(seed, "which") % _deals.length : _deals.length - 1;
        (Deal memory deal, bool isGood, bytes memory consents) = abi.decode(_deals[which], (Deal, bool, bytes));
        address caller = isOneIn(12, seed, "caller") ? person(9) : RELAYER;
        bool expected = isGood && _maySettle(deal, caller);
        Sight memory before = look();
        vm.prank(caller);
        (bool ok,) = address(cash)
            .call(
                abi.encodeCall(
                    cash.settle, (deal.debits, deal.credits, consents, deal.context, deal.operator, deal.validBefore)
                )
            );
        agree("settle", ok, expected);
        if (ok) _settlePlainly(deal);
        _assertWholeOrNothing(deal, ok, before, look());
    }

    /// Each leg exactly, out of what the debtor had before, and nothing else; or nothing at all.
    function _assertWholeOrNothing(Deal memory deal, bool isSettled, Sight memory before, Sight memory later)
        private
        view
    {
        address[COUNT] memory people = this.actors();
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 expected = before.accounts[i].balance;
            for (uint256 j = 0; isSettled && j < deal.debits.length; ++j) {
                if (deal.debits[j].account != people[i]) continue;
                assertTrue(deal.debits[j].amount <= expected, "a debtor spent what came in");
                expected -= deal.debits[j].amount;
            }
            for (uint256 j = 0; isSettled && j < deal.credits.length; ++j) {
                if (deal.credits[j].account == people[i]) expected += deal.credits[j].amount;
            }
            assertEq(later.accounts[i].balance, expected, "a settlement in part");
        }
    }

    /// One to three debtors and one or two creditors, nobody twice; rarely with sums that differ, a forged consent, or legs
    /// or consents spoilt.
    function _newDeal(uint256 seed) private view returns (bytes memory) {
        address[] memory people = _shuffled(seed);
        Deal memory deal = emptyDeal(1 + roll(seed, "debits") % 3, 1 + roll(seed, "credits") % 2);
        uint256 sum = _fillDebits(deal, people, seed);
        bool isUneven = isOneIn(12, seed, "uneven");
        if (isUneven) sum = sum > 1 && isOneIn(2, seed, "more") ? sum - 1 : sum + 1;
        _fillCredits(deal, people, sum, seed);
        uint256 spoil = isOneIn(8, seed, "spoilt") ? 1 + roll(seed, "spoil") % 6 : 0;
        _spoil(deal, spoil);
        if (isOneIn(2, seed, "operator")) deal.operator = RELAYER;
        deal.validBefore = end(seed);
        bytes32 hash = hashOf(deal);
        bool isForged = isOneIn(12, seed, "forged");
        for (uint256 i = 0; i < deal.debits.length; ++i) {
            uint256 salt = roll(seed, string.concat("consent", vm.toString(i)));
            address debtor = deal.debits[i].account;
            uint256 nonce = isOneIn(4, salt, "wide") ? _wideNonce(salt) : windowNonce(debtor, salt);
            bytes32 consent = Documents.consent(debtor, hash, nonce);
            deal.consents[i] = SignedConsent(nonce, signatureOf(debtor, consent, isForged && i == 0));
        }
        bytes memory consents = packed(deal.consents);
        if (spoil == 5) consents = abi.encodePacked(consents, uint8(0));
        if (spoil == 6) consents[0] ^= 0x02;
        return abi.encode(deal, !isForged && !isUneven && spoil == 0, consents);
    }

    /// Before everybody signs: legs out of order, one debtor twice, one person on both sides, a leg of nothing.
    function _spoil(Deal memory deal, uint256 kind) private pure {
        bool isAlone = deal.debits.length == 1;
        if (kind == 1 && !isAlone) (deal.debits[0], deal.debits[1]) = (deal.debits[1], deal.debits[0]);
        else if (kind == 2 && !isAlone) deal.debits[1].account = deal.debits[0].account;
        else if (kind == 3) deal.credits[0].account = deal.debits[0].account;
        else if (kind != 0 && kind < 5) deal.debits[0].amount = 0;
    }

    /// Debits come from the front of `people`, credits from the back; each side is then put in order.
    function _fillDebits(Deal memory deal, address[] memory people, uint256 seed) private view returns (uint256 sum) {
        for (uint256 i = 0; i < deal.debits.length; ++i) {
            uint256 value = amount(people[i], roll(seed, string.concat("debit", vm.toString(i))));
            if (value == 0) value = 1;
            sum += value;
            _insert(deal.debits, i, Leg(people[i], value));
        }
    }

    function _fillCredits(Deal memory deal, address[] memory people, uint256 sum, uint256 seed) private view {
        uint256 last = deal.credits.length - 1;
        for (uint256 i = 0; i <= last; ++i) {
            uint256 part = i == last || sum < 2 ? sum : bound(roll(seed, "part"), 1, sum - 1);
            _insert(deal.credits, i, Leg(people[people.length - 1 - i], part));
            sum -= part;
        }
    }

    function _insert(Leg[] memory legs, uint256 i, Leg memory leg) private pure {
        for (; i > 0 && legs[i - 1].account > leg.account; --i) {
            legs[i] = legs[i - 1];
        }
        legs[i] = leg;
    }

    function _shuffled(uint256 seed) private view returns (address[] memory people) {
        people = new address[](PEOPLE + 1);
        for (uint256 i = 0; i <= PEOPLE; ++i) {
            people[i] = this.actors()[i];
        }
        for (uint256 i = PEOPLE; i > 0; --i) {
            uint256 j = roll(seed, vm.toString(i)) % (i + 1);
            (people[i], people[j]) = (people[j], people[i]);
        }
    }

    function _maySettle(Deal memory deal, address caller) private view returns (bool may) {
        may = !plainPaused && block.timestamp < deal.validBefore;
        may = may && (deal.operator == address(0) || deal.operator == caller);
        for (uint256 i = 0; i < deal.debits.length; ++i) {
            address debtor = deal.debits[i].account;
            may = may && maySend(debtor, deal.debits[i].amount) && isNonceGood(debtor, deal.consents[i].nonce);
        }
        for (uint256 i = 0; i < deal.credits.length; ++i) {
            may = may && deal.credits[i].amount != 0 && mayReceive(deal.credits[i].account);
        }
    }

    function _settlePlainly(Deal memory deal) private {
        for (uint256 i = 0; i < deal.debits.length; ++i) {
            useNonce(deal.debits[i].account, deal.consents[i].nonce);
            spend(deal.debits[i].account, deal.consents[i].nonce);
            plainBalance[deal.debits[i].account] -= deal.debits[i].amount;
        }
        for (uint256 i = 0; i < deal.credits.length; ++i) {
            plainBalance[deal.credits[i].account] += deal.credits[i].amount;
        }
    }

    // ------------------------------------------------------------------------------------------------ ERC-3009

    function authorize(uint256 seed) external step {
        bool isReplay = _authorizations.length != 0 && isOneIn(6, seed, "replay");
        if (!isReplay) _authorizations.push(_newAuthorization(seed));
        uint256 which = isReplay ? roll(seed, "which") % _authorizations.length : _authorizations.length - 1;
        (Authorization memory a, bool isReceive, bool isGood, bytes memory signature) =
            abi.decode(_authorizations[which], (Authorization, bool, bool, bytes));
        address caller = isReceive && !isOneIn(6, seed, "caller") ? a.to : RELAYER;
        bool expected = isGood && a.validAfter < block.timestamp && block.timestamp < a.validBefore
            && mayMove(a.from, a.to, a.value) && isAuthorizationNonceGood(a.from, a.nonce)
            && (!isReceive || caller == a.to);
        string memory action = isReceive ? "receiveWithAuthorization" : "transferWithAuthorization";
        vm.prank(caller);
        (bool ok,) = address(cash)
            .call(
                abi.encodeWithSignature(
                    string.concat(action, "(address,address,uint256,uint256,uint256,bytes32,bytes)"), a, signature
                )
            );
        agree(action, ok, expected);
        if (!ok) return;
        useAuthorizationNonce(a.from, a.nonce);
        spend(a.from, a.nonce);
        move(a.from, a.to, a.value);
    }

    function _newAuthorization(uint256 seed) private view returns (bytes memory) {
        bool isReceive = isOneIn(2, seed, "receive");
        Authorization memory a;
        (a.from, a.to) = (signer(seed, "from"), payee(seed));
        a.value = amount(a.from, seed);
        a.validAfter = isOneIn(12, seed, "too early") ? block.timestamp + 5 : roll(seed, "after") % block.timestamp;
        a.validBefore = end(seed);
        a.nonce = authorizationNonce(a.from, seed);
        bytes32 typeHash =
            isReceive ? Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH : Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
        bytes32 hash = Documents.authorization(typeHash, a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce);
        bool isForged = isOneIn(12, seed, "forged");
        return abi.encode(a, isReceive, !isForged, signatureOf(a.from, hash, isForged));
    }

    /// One of ours with the tag, a foreign counter, a time in milliseconds, or a wide one as in other documents.
    function authorizationNonce(address account, uint256 seed) internal view returns (bytes32) {
        uint256 kind = roll(seed, "authorization nonce") % 8;
        if (kind < 4) return tagged(windowNonce(account, seed));
        if (kind < 6) return bytes32(roll(seed, "counter") % 60);
        return bytes32(kind == 6 ? block.timestamp * 1_000 + roll(seed, "ms") % 1_000 : _wideNonce(seed) & ~uint256(1));
    }
}
